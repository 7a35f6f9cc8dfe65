package io.lanewise.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/** What {@code bench} measured, for people and for programs. */
final class BenchReport {
    private static final double[] PERCENTILES = {50, 90, 99, 100};

    private BenchReport() {}

    static List<String> lines(String name, ModelBench.Result result) {
        ModelBench.Plan plan = result.plan();
        List<String> lines = new ArrayList<>();
        lines.add(Units.format("%s: %s weights, %s; %d thread%s, KV cache %s of %d positions", name,
                Units.grouped(result.cost().weights()), Units.bytes(result.cost().fileBytes()), plan.threads(),
                plan.threads() == 1 ? "" : "s", plan.kvType(), plan.context()));
        lines.add("");
        lines.add(Units.format("%-14s %20s %10s %17s  %-18s %s", "", "tokens/s", "median", "rate", "share of roof",
                "roof (FMA; DRAM read)"));
        lines.add(row("prefill " + plan.prompt(), result.prefill(), result.gigaflops(), "GFLOP/s", result.fmaRoofs()));
        lines.add(row("decode " + plan.decode(), result.decode(), result.gigabytesPerSecond(), "GB/s   ",
                result.readRoofs()));
        lines.add("");
        Histogram steps = result.steps();
        lines.add(Units.format("decode step    p50 %s  p90 %s  p99 %s  max %s ms (%d steps%s)", millis(steps, 50),
                millis(steps, 90), millis(steps, 99), millis(steps, 100), steps.getTotalCount(),
                plan.depth() > 0 ? " after " + plan.depth() + " positions" : ""));
        lines.add(Units.format("load           %.3f s", result.loadNanos() / 1e9));
        lines.add(Units.format("first token    %.3f s after loading began", result.firstTokenNanos() / 1e9));
        lines.add(Units.format("first prefill  %.3f s, %.2f of the steady rate", result.firstPrefillNanos() / 1e9,
                result.firstPrefillShare()));
        lines.add("peak memory    " + memory(result));
        lines.add("garbage        " + garbage(result));
        return lines;
    }

    private static String row(String name, Samples samples, Samples rates, String unit, Samples roofs) {
        String tokens = Units.format("%,.1f ± %.1f", samples.mean(), samples.deviation());
        return Units.format("%-14s %20s %,10.1f %,9.1f %s  %-18s %s", name, tokens, samples.median(), rates.median(), unit,
                spread("%.2f", rates.over(roofs)), spread("%,.1f", roofs));
    }

    /** As 0.84 (0.81-0.86): median, least and most. */
    private static String spread(String format, Samples samples) {
        return Units.format(format + " (" + format + "-" + format + ")", samples.median(), samples.least(), samples.most());
    }

    /** As 0.84 (0.81-0.86): median and quartiles. */
    static String quartiles(String format, Samples samples) {
        return Units.format(format + " (" + format + "-" + format + ")", samples.median(), samples.quantile(0.25),
                samples.quantile(0.75));
    }

    private static String millis(Histogram steps, double percentile) {
        return Units.format("%.2f", steps.getValueAtPercentile(percentile) / 1e6);
    }

    private static String memory(ModelBench.Result result) {
        if (result.peakResidentBytes().isEmpty()) {
            return "not told by this system";
        }
        long peak = result.peakResidentBytes().getAsLong();
        return Units.format("%s resident: %s of weights as stored, %s of KV cache, %s else", Units.bytes(peak),
                Units.bytes(result.cost().fileBytes()), Units.bytes(result.cacheBytes()),
                Units.bytes(peak - result.cost().fileBytes() - result.cacheBytes()));
    }

    private static String garbage(ModelBench.Result result) {
        String allocated = result.allocatedBytesPerStep() < 0 ? "not counted by this JVM"
                : Units.format("%,.0f B allocated a decode step", result.allocatedBytesPerStep());
        return allocated + ", " + result.collectionsMeasured() + " collections while measuring, " + result.collections()
                + " since the start";
    }

    static Map<String, Object> asMap(String name, ModelBench.Result result) {
        ModelBench.Plan plan = result.plan();
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("model", name);
        map.put("weights", result.cost().weights());
        map.put("weightBytes", result.cost().fileBytes());
        map.put("threads", plan.threads());
        map.put("kvType", plan.kvType().name());
        map.put("context", plan.context());
        map.put("depth", plan.depth());
        map.put("prefill", samples(plan.prompt(), result.prefill(), "gflops", result.gigaflops(),
                "OfFmaRoof", result.fmaRoofs()));
        map.put("decode", samples(plan.decode(), result.decode(), "weightGBs", result.gigabytesPerSecond(),
                "OfReadRoof", result.readRoofs()));
        map.put("weightBytesPerToken", result.cost().bytesPerToken());
        map.put("stepMillis", steps(result.steps()));
        map.put("loadSeconds", result.loadNanos() / 1e9);
        map.put("firstTokenSeconds", result.firstTokenNanos() / 1e9);
        map.put("firstPrefillSeconds", result.firstPrefillNanos() / 1e9);
        map.put("firstPrefillShare", result.firstPrefillShare());
        map.put("peakResidentBytes", result.peakResidentBytes().isPresent()
                ? result.peakResidentBytes().getAsLong() : null);
        map.put("kvCacheBytes", result.cacheBytes());
        map.put("allocatedBytesPerStep", result.allocatedBytesPerStep() < 0 ? null : result.allocatedBytesPerStep());
        map.put("collectionsWhileMeasuring", result.collectionsMeasured());
        map.put("collections", result.collections());
        return map;
    }

    private static Map<String, Object> samples(int tokens, Samples samples, String rateName, Samples rates,
            String ofRoof, Samples roofs) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("tokens", tokens);
        map.put("tokensPerSecond", samples.values());
        map.put("mean", samples.mean());
        map.put("deviation", samples.deviation());
        map.put("median", samples.median());
        map.put(rateName, rates.median());
        map.put("share" + ofRoof, rates.over(roofs).median());
        map.put("shares" + ofRoof, rates.over(roofs).values());
        map.put("roofs", roofs.values());
        return map;
    }

    private static Map<String, Object> steps(Histogram steps) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("count", steps.getTotalCount());
        for (double percentile : PERCENTILES) {
            map.put(percentile == 100 ? "max" : "p" + (int) percentile, steps.getValueAtPercentile(percentile) / 1e6);
        }
        return map;
    }
}
