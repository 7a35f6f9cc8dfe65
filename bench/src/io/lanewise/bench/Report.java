package io.lanewise.bench;

import io.lanewise.kernels.Roofline;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/** What rounds of benchmarks gave: rates, and their share of the roofline of their round. */
final class Report {
    private final Map<String, Row> rows = new LinkedHashMap<>();
    private final List<Roofline> rooflines = new ArrayList<>();

    /** One case; a number a round. */
    private record Row(String group, String name, int threads, String unit, List<Double> rates, List<Double> shares,
            List<Double> bytes) {}

    void add(String group, Case measured, RunResult result, Roofline roofline) {
        if (rooflines.isEmpty() || rooflines.getLast() != roofline) {
            rooflines.add(roofline);
        }
        BenchmarkParams params = result.getParams();
        String name = params.getParamsKeys().stream().filter(key -> !key.equals("threads")).map(params::getParam)
                .collect(Collectors.joining(" "));
        Row row = rows.computeIfAbsent(group + " " + name + " " + measured.threads(), key -> new Row(group, name,
                measured.threads(), measured.memory() ? "GB/s" : "GFLOP/s", new ArrayList<>(), new ArrayList<>(),
                new ArrayList<>()));
        double rate = measured.work() / medianNanos(result);
        double roof = measured.memory() ? roofline.read(measured.threads()) : roofline.fma(measured.threads());
        row.rates.add(rate);
        row.shares.add(rate / roof);
        Result<?> allocated = result.getSecondaryResults().get("gc.alloc.rate.norm");
        row.bytes.add(allocated == null ? Double.NaN : allocated.getScore());
    }

    private static double medianNanos(RunResult result) {
        List<Double> nanos = new ArrayList<>();
        for (BenchmarkResult fork : result.getBenchmarkResults()) {
            for (IterationResult iteration : fork.getIterationResults()) {
                nanos.add(iteration.getPrimaryResult().getScore());
            }
        }
        return median(nanos);
    }

    String markdown() {
        StringBuilder text = new StringBuilder();
        int threads = rooflines.isEmpty() ? 1 : rooflines.getFirst().threads();
        text.append(String.format(Locale.ROOT, "Roofline (medians of %d): %.0f GFLOP/s on one thread, %.0f on %d; memory read at "
                + "%.1f and %.1f GB/s.%n%n", rooflines.size(), roof(Roofline::fmaOne), roof(Roofline::fmaAll), threads,
                roof(Roofline::readOne), roof(Roofline::readAll)));
        text.append("| group | case | threads | rate | | of the roofline | B a call |\n|---|---|--:|--:|---|--:|--:|\n");
        for (Row row : rows.values()) {
            text.append(String.format(Locale.ROOT, "| %s | %s | %d | %.1f | %s | %.3f | %.0f |%n", row.group, row.name,
                    row.threads, median(row.rates), row.unit, median(row.shares), median(row.bytes)));
        }
        return text.toString();
    }

    private double roof(ToDoubleFunction<Roofline> figure) {
        return rooflines.isEmpty() ? 0 : median(rooflines.stream().map(figure::applyAsDouble).toList());
    }

    String json() {
        String roofs = rooflines.stream().map(roof -> String.format(Locale.ROOT,
                "{\"threads\":%d,\"fmaOne\":%.2f,\"fmaAll\":%.2f,\"readOne\":%.2f,\"readAll\":%.2f}", roof.threads(),
                roof.fmaOne(), roof.fmaAll(), roof.readOne(), roof.readAll())).collect(Collectors.joining(","));
        String cases = rows.values().stream().map(row -> "{\"group\":\"" + row.group + "\",\"case\":\"" + row.name
                + "\",\"threads\":" + row.threads + ",\"unit\":\"" + row.unit + "\",\"rates\":" + numbers(row.rates)
                + ",\"shares\":" + numbers(row.shares) + ",\"bytesPerCall\":" + numbers(row.bytes) + "}")
                .collect(Collectors.joining(",\n"));
        return "{\"rooflines\":[" + roofs + "],\n\"cases\":[\n" + cases + "\n]}\n";
    }

    private static String numbers(List<Double> values) {
        return values.stream().map(value -> value.isNaN() ? "null" : String.format(Locale.ROOT, "%.4f", value))
                .collect(Collectors.joining(",", "[", "]"));
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length == 0 ? Double.NaN
                : sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
