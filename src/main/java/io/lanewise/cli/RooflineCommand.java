package io.lanewise.cli;

import io.lanewise.kernels.Lanes;
import io.lanewise.kernels.Roofline;
import io.lanewise.parallel.ComputePool;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code roofline}: what this machine can do at most. */
@Command(name = "roofline", description = {
        "Measures what this machine can do at most, as the engine's own kernels reach it: FP32 multiply-adds (two",
        "operations each) and reading from memory. Other figures are shares of these."},
        footer = {"", "Example:", "  engine roofline --threads 2"})
final class RooflineCommand extends EngineCommand {
    @Mixin
    private ThreadsOption threads;

    @Option(names = "--json", description = "The figures as JSON.")
    private boolean json;

    RooflineCommand(Console console) {
        super(console);
    }

    @Override
    void run() {
        try (ComputePool pool = new ComputePool(threads.threads())) {
            Roofline roof = Roofline.measure(pool);
            if (json) {
                console.println(Json.of(asMap(roof)));
            } else {
                print(roof);
            }
        }
    }

    private static Map<String, Object> asMap(Roofline roof) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("threads", roof.threads());
        map.put("vectorBits", Lanes.BITS);
        map.put("fmaGflopsOneThread", roof.fmaOne());
        map.put("fmaGflops", roof.fmaAll());
        map.put("dramReadGBsOneThread", roof.readOne());
        map.put("dramReadGBs", roof.readAll());
        return map;
    }

    private void print(Roofline roof) {
        console.println("vectors     " + Lanes.BITS + " bits");
        printLine("FMA peak ", roof.fmaOne(), 1, "GFLOP/s");
        printLine("DRAM read", roof.readOne(), 1, "GB/s");
        if (roof.threads() > 1) {
            printLine("FMA peak ", roof.fmaAll(), roof.threads(), "GFLOP/s");
            printLine("DRAM read", roof.readAll(), roof.threads(), "GB/s");
        }
    }

    private void printLine(String name, double value, int threads, String unit) {
        console.println(Units.format("%s  %8.1f %-7s  (%d thread%s)", name, value, unit, threads, threads == 1 ? "" : "s"));
    }
}
