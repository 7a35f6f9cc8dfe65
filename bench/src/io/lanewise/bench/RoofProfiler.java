package io.lanewise.bench;

import io.lanewise.kernels.RoofMeter;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;
import org.openjdk.jmh.runner.IterationType;

/**
 * Measures the roof of a benchmark before and after each of its iterations, in the same process: multiply-adds or reading
 * from memory, on as many threads as the benchmark has. Their mean is the iteration's second result {@link #ROOF}.
 */
public final class RoofProfiler implements InternalProfiler {
    static final String ROOF = "roof";

    private RoofMeter meter;
    private Case measured;
    private double before;

    @Override
    public String getDescription() {
        return "The roof beside each iteration";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
        if (meter == null) {
            measured = Cases.of(benchmark);
            meter = new RoofMeter(measured.threads());
        }
        if (iteration.getType() == IterationType.MEASUREMENT) {
            before = roof();
        }
    }

    @Override
    public Collection<? extends Result<?>> afterIteration(BenchmarkParams benchmark, IterationParams iteration,
            IterationResult result) {
        return iteration.getType() == IterationType.MEASUREMENT
                ? List.of(new ScalarResult(ROOF, (before + roof()) / 2, "10^9/s", AggregationPolicy.AVG))
                : List.of();
    }

    private double roof() {
        return measured.memory() ? meter.read(measured.threads()) : meter.fma(measured.threads());
    }
}
