package io.lanewise.cli;

import io.lanewise.kernels.Lanes;
import io.lanewise.kernels.Roofline;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The roofline before and after a measurement. Shares are taken of the better of both, so that a machine that slows down
 * in between makes no figure look better than it is.
 */
record Roofs(Roofline before, Roofline after) {
    /** On all threads, GFLOP/s. */
    double fma() {
        return Math.max(before.fmaAll(), after.fmaAll());
    }

    /** On {@code threads} threads, GFLOP/s. */
    double fma(int threads) {
        return Math.max(before.fma(threads), after.fma(threads));
    }

    /** On all threads, GB/s. */
    double read() {
        return Math.max(before.readAll(), after.readAll());
    }

    /** On {@code threads} threads, GB/s. */
    double read(int threads) {
        return Math.max(before.read(threads), after.read(threads));
    }

    /** As a line of a report. */
    @Override
    public String toString() {
        return Units.format("FMA %.1f before, %.1f after, GFLOP/s; DRAM read %.1f before, %.1f after, GB/s",
                before.fmaAll(), after.fmaAll(), before.readAll(), after.readAll());
    }

    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("before", asMap(before));
        map.put("after", asMap(after));
        return map;
    }

    static Map<String, Object> asMap(Roofline roof) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("threads", roof.threads());
        map.put("vectorBits", Lanes.BITS);
        map.put("fmaGflopsOneThread", roof.fmaOne());
        map.put("fmaGflops", roof.fmaAll());
        map.put("dramReadGBsOneThread", roof.readOne());
        map.put("dramReadGBs", roof.readAll());
        return map;
    }
}
