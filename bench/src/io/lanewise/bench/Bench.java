package io.lanewise.bench;

import io.lanewise.parallel.Machine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs groups of benchmarks in rounds, every iteration between two measurements of its roof, and prints medians as a
 * Markdown table; the same goes to {@code target/bench.md} and, with every iteration's figures, to
 * {@code target/bench.json}.
 */
public final class Bench {
    private static final Map<String, Class<?>> GROUPS = new LinkedHashMap<>();
    private static final String USAGE = """
            usage: java --add-modules jdk.incubator.vector -jar target/bench.jar [GROUP]... [--rounds N] [JMH options]
            groups: %s; all of them where none is named
            JMH options that help: -p shape=512x512x512 -p threads=2 -p impl=lanewise,onednn   which cases
                                   -f FORKS -wi WARM-UPS -w TIME -i ITERATIONS -r TIME          how long""";

    static {
        GROUPS.put("matmul", Matmuls.class);
        GROUPS.put("types", WeightTypes.class);
        GROUPS.put("attention", Attentions.class);
        GROUPS.put("ffn", FeedForwards.class);
        GROUPS.put("rows", RowKernels.class);
        GROUPS.put("codecs", Codecs.class);
    }

    private Bench() {}

    public static void main(String[] args) throws Exception {
        List<String> groups = new ArrayList<>();
        List<String> rest = new ArrayList<>();
        int rounds = 1;
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--help") || args[i].equals("-h")) {
                System.out.println(USAGE.formatted(String.join(", ", GROUPS.keySet())));
                return;
            } else if (args[i].equals("--rounds") && i + 1 < args.length) {
                rounds = Integer.parseInt(args[++i]);
            } else if (GROUPS.containsKey(args[i]) && rest.isEmpty()) {
                groups.add(args[i]);
            } else if (args[i].startsWith("-") || !rest.isEmpty()) {
                rest.add(args[i]);
            } else {
                System.err.println("bench: no group called " + args[i] + ", expected some of " + GROUPS.keySet());
                System.exit(2);
            }
        }
        Report report = run(groups.isEmpty() ? List.copyOf(GROUPS.keySet()) : groups, rounds,
                new CommandLineOptions(rest.toArray(String[]::new)));
        Path target = Files.createDirectories(Path.of("target"));
        Files.writeString(target.resolve("bench.md"), report.markdown());
        Files.writeString(target.resolve("bench.json"), report.json());
        System.out.println();
        System.out.print(report.markdown());
    }

    private static Report run(List<String> groups, int rounds, CommandLineOptions options) throws Exception {
        Report report = new Report();
        for (int round = 0; round < rounds; round++) {
            for (String group : groups) {
                for (RunResult result : new Runner(options(GROUPS.get(group), options)).run()) {
                    report.add(group, Cases.of(result.getParams()), result);
                }
            }
        }
        return report;
    }

    /** What the command line leaves open: one fork of 12 × 0.12 s, as long as the roofs between them, after a second of warm-up, and the peers that are there. */
    private static Options options(Class<?> group, CommandLineOptions given) {
        ChainedOptionsBuilder options = new OptionsBuilder().parent(given).include(group.getName() + "\\..*")
                .mode(Mode.AverageTime).timeUnit(TimeUnit.NANOSECONDS).addProfiler(RoofProfiler.class)
                .addProfiler(GCProfiler.class).shouldFailOnError(false);
        if (!given.getForkCount().hasValue()) {
            options.forks(1);
        }
        if (!given.getWarmupIterations().hasValue()) {
            options.warmupIterations(2);
        }
        if (!given.getWarmupTime().hasValue()) {
            options.warmupTime(TimeValue.milliseconds(500));
        }
        if (!given.getMeasurementIterations().hasValue()) {
            options.measurementIterations(12);
        }
        if (!given.getMeasurementTime().hasValue()) {
            options.measurementTime(TimeValue.milliseconds(120));
        }
        if (group == Matmuls.class && !given.getParameter("impl").hasValue()) {
            options.param("impl", Arrays.stream(Multiplier.names()).filter(Multiplier::available).toArray(String[]::new));
        }
        if (hasThreads(group) && !given.getParameter("threads").hasValue() && Machine.PHYSICAL_CORES != 2) {
            options.param("threads", "1", String.valueOf(Machine.PHYSICAL_CORES));
        }
        return options.build();
    }

    private static boolean hasThreads(Class<?> group) {
        return Arrays.stream(group.getFields()).anyMatch(field -> field.getName().equals("threads"));
    }
}
