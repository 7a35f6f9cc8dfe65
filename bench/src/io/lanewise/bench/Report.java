package io.lanewise.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/** What benchmarks gave: rates, and their share of the roof that was measured beside each. */
final class Report {
    private final Map<String, Row> rows = new LinkedHashMap<>();

    /** One case; a number an iteration, of bytes a run. */
    private record Row(String group, String name, int threads, String unit, List<Double> rates, List<Double> roofs,
            List<Double> bytes) {
        List<Double> shares() {
            return IntStream.range(0, rates.size()).mapToObj(i -> rates.get(i) / roofs.get(i)).toList();
        }
    }

    void add(String group, Case measured, RunResult result) {
        BenchmarkParams params = result.getParams();
        String name = params.getParamsKeys().stream().filter(key -> !key.equals("threads")).map(params::getParam)
                .collect(Collectors.joining(" "));
        Row row = rows.computeIfAbsent(group + " " + name + " " + measured.threads(), key -> new Row(group, name,
                measured.threads(), measured.memory() ? "GB/s" : "GFLOP/s", new ArrayList<>(), new ArrayList<>(),
                new ArrayList<>()));
        for (BenchmarkResult fork : result.getBenchmarkResults()) {
            for (IterationResult iteration : fork.getIterationResults()) {
                row.rates.add(measured.work() / iteration.getPrimaryResult().getScore());
                row.roofs.add(iteration.getSecondaryResults().get(RoofProfiler.ROOF).getScore());
            }
        }
        Result<?> allocated = result.getSecondaryResults().get("gc.alloc.rate.norm");
        row.bytes.add(allocated == null ? Double.NaN : allocated.getScore());
    }

    String markdown() {
        StringBuilder text = new StringBuilder(
                "| group | case | threads | rate | roof | | share of roof | least-most | B a call |\n"
                + "|---|---|--:|--:|--:|---|--:|--:|--:|\n");
        for (Row row : rows.values()) {
            text.append(String.format(Locale.ROOT, "| %s | %s | %d | %.1f | %.1f | %s | %.3f | %.3f-%.3f | %.0f |%n",
                    row.group, row.name, row.threads, median(row.rates), median(row.roofs), row.unit, median(row.shares()),
                    Collections.min(row.shares()), Collections.max(row.shares()), median(row.bytes)));
        }
        return text.toString();
    }

    String json() {
        return rows.values().stream().map(row -> "{\"group\":\"" + row.group + "\",\"case\":\"" + row.name
                + "\",\"threads\":" + row.threads + ",\"unit\":\"" + row.unit + "\",\"rates\":" + numbers(row.rates)
                + ",\"roofs\":" + numbers(row.roofs) + ",\"shares\":" + numbers(row.shares()) + ",\"bytesPerCall\":"
                + numbers(row.bytes) + "}").collect(Collectors.joining(",\n", "{\"cases\":[\n", "\n]}\n"));
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
