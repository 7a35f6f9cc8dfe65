package io.lanewise.train;

import com.sun.management.ThreadMXBean;
import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RoofMeter;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.nn.Positions;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Times full updates (forward, backward, clipping, AdamW) on random tokens, against the roofline of the same run. */
public final class TrainingBenchmark {
    /** The shape of {@link #run} that stands for what the settings ask for. */
    public static final String SETTINGS = "settings";

    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    static {
        CASES.put("gpt-10m", new Case(NetworkConfig.gpt(65, 384, 6, 6, 256), 16, 256));
        CASES.put("gpt2-124m", new Case(
                NetworkConfig.gpt(50_257, 768, 12, 12, 1024).with(c -> c.act = Activation.GELU_TANH), 4, 64));
        CASES.put("encoder-3m", new Case(
                NetworkConfig.encoder(1000, 256, 2, 4, 2048, 20).with(c -> c.positions = Positions.NONE), 16, 20));
    }

    private static final int LEAST_UPDATES = 9;
    private static final int WARM_UPDATES = 3;

    private TrainingBenchmark() {}

    private record Case(NetworkConfig network, int batch, int seqLen) {}

    /**
     * What was measured. Updates and measurements of the peak take turns, so that what else goes on in the machine slows
     * both; the share of the peak is the median over updates, each against the mean of the peaks before and after it.
     *
     * @param shape name of the case
     * @param parameters weights
     * @param tokens of an update
     * @param threads that computed
     * @param updates timed, after as long a warm-up
     * @param medianSeconds of an update
     * @param leastSeconds of the fastest update
     * @param mostSeconds of the slowest update
     * @param tokensPerSecond by the median
     * @param gigaflops billions of operations a second by the median: 6 · parameters · tokens, and attention's
     *     12 · nLayers · dim · seqLen · tokens, of which a causal mask leaves half
     * @param peakGigaflops multiply-adds of all threads, the median of all measurements
     * @param peakShare median over updates of an update's gigaflops by the peak around it
     * @param lowShare the lower quartile of these shares
     * @param highShare the upper quartile
     * @param heapBytes Java heap that an update allocated
     * @param tapeBytes native memory of activations and their gradients
     * @param lastLoss loss of the last update
     */
    public record Result(String shape, long parameters, int tokens, int threads, int updates, double medianSeconds,
            double leastSeconds, double mostSeconds, double tokensPerSecond, double gigaflops, double peakGigaflops,
            double peakShare, double lowShare, double highShare, long heapBytes, long tapeBytes, double lastLoss) {}

    /** Names that {@link #run} knows. */
    public static String shapes() {
        return String.join(", ", CASES.keySet()) + " or " + SETTINGS;
    }

    /**
     * Warms up for {@code seconds}, then times for {@code seconds}.
     *
     * @param shape one of {@link #shapes}
     * @param config for {@link #SETTINGS}: network, batch and optimiser; else the optimiser alone
     */
    public static Result run(String shape, TrainingConfig config, int threads, double seconds) {
        Case chosen = SETTINGS.equals(shape)
                ? new Case(config.network(config.vocabSize()), config.batch(), config.context())
                : CASES.get(shape);
        if (chosen == null) {
            throw new IllegalArgumentException("bench: expected " + shapes() + ", got '" + shape + "'");
        }
        try (NetworkModel model = TrainableModels.fresh(config, chosen.network(), threads);
                RoofMeter meter = new RoofMeter(threads)) {
            Timing timing = new Timing(model, randomTokens(chosen, config.seed()), config.learningRate(), meter, threads);
            timing.run(seconds, WARM_UPDATES);
            timing.run(seconds, LEAST_UPDATES);
            return result(shape, chosen, model, timing, threads);
        }
    }

    private static TokenBatch randomTokens(Case chosen, long seed) {
        TokenBatch batch = new TokenBatch(chosen.batch(), chosen.seqLen());
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < batch.ids().length; i++) {
            batch.ids()[i] = random.nextInt(chosen.network().vocabSize());
            batch.targets()[i] = random.nextInt(chosen.network().vocabSize());
        }
        return batch;
    }

    private static Result result(String shape, Case chosen, NetworkModel model, Timing timing, int threads) {
        long parameters = model.weights().values().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
        int tokens = chosen.batch() * chosen.seqLen();
        double operations = operations(chosen, parameters) / 1e9;
        double[] shares = new double[timing.count];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = operations / timing.seconds[i] / ((timing.peaks[i] + timing.peaks[i + 1]) / 2);
        }
        double[] taken = Arrays.copyOf(timing.seconds, timing.count);
        double[] peaks = Arrays.copyOf(timing.peaks, timing.count + 1);
        double median = quantile(taken, 0.5);
        return new Result(shape, parameters, tokens, threads, taken.length, median, quantile(taken, 0), quantile(taken, 1),
                tokens / median, operations / median, quantile(peaks, 0.5), quantile(shares, 0.5),
                quantile(shares, 0.25), quantile(shares, 0.75), timing.heapBytes, model.tapeBytes(), timing.loss);
    }

    /** Sorts {@code values} and picks one. */
    private static double quantile(double[] values, double at) {
        Arrays.sort(values);
        return values[(int) Math.round(at * (values.length - 1))];
    }

    private static double operations(Case chosen, long parameters) {
        NetworkConfig c = chosen.network();
        double tokens = (double) chosen.batch() * chosen.seqLen();
        double attention = 12.0 * c.nLayers() * c.nHeads() * c.headDim() * chosen.seqLen() * tokens;
        return 6.0 * parameters * tokens + (c.causal() ? attention / 2 : attention);
    }

    /** Updates on one batch, timed, and the peak before, between and after them. */
    private static final class Timing {
        private static final int MOST_UPDATES = 1 << 16;

        private final NetworkModel model;
        private final TokenBatch batch;
        private final double learningRate;
        private final RoofMeter meter;
        private final int threads;
        private final double[] seconds = new double[MOST_UPDATES];
        private final double[] peaks = new double[MOST_UPDATES + 1];
        private int count;
        private long heapBytes;
        private double loss;

        Timing(NetworkModel model, TokenBatch batch, double learningRate, RoofMeter meter, int threads) {
            this.model = model;
            this.batch = batch;
            this.learningRate = learningRate;
            this.meter = meter;
            this.threads = threads;
        }

        /** Updates for so long, {@code least} at least; earlier figures are forgotten. */
        void run(double duration, int least) {
            ThreadMXBean beans = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long heap = 0;
            count = 0;
            peaks[0] = meter.fma(threads);
            for (double sum = 0; count < MOST_UPDATES && (count < least || sum < duration); sum += seconds[count++]) {
                long heapBefore = beans.getTotalThreadAllocatedBytes();
                long from = System.nanoTime();
                loss = model.forwardBackward(batch, 1.0 / batch.countTargets(), count) / batch.countTargets();
                model.update(learningRate);
                seconds[count] = (System.nanoTime() - from) / 1e9;
                heap += beans.getTotalThreadAllocatedBytes() - heapBefore;
                peaks[count + 1] = meter.fma(threads);
            }
            heapBytes = heap / count;
        }
    }
}
