package io.lanewise.train;

import com.sun.management.ThreadMXBean;
import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Roofline;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.nn.Positions;
import io.lanewise.parallel.ComputePool;
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

    private static final int LEAST_UPDATES = 5;

    private TrainingBenchmark() {}

    private record Case(NetworkConfig network, int batch, int seqLen) {}

    /**
     * What was measured.
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
     * @param peakGigaflops multiply-adds of all threads, the better of a measurement before and one after
     * @param peakShare gigaflops / peakGigaflops
     * @param heapBytes Java heap that an update allocated
     * @param tapeBytes native memory of activations and their gradients
     * @param lastLoss loss of the last update
     */
    public record Result(String shape, long parameters, int tokens, int threads, int updates, double medianSeconds,
            double leastSeconds, double mostSeconds, double tokensPerSecond, double gigaflops, double peakGigaflops,
            double peakShare, long heapBytes, long tapeBytes, double lastLoss) {}

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
        double before = peak(threads);
        try (NetworkModel model = TrainableModels.fresh(config, chosen.network(), threads)) {
            Timing timing = new Timing(model, randomTokens(chosen, config.seed()), config.learningRate());
            timing.run(seconds);
            timing.run(seconds);
            return result(shape, chosen, model, timing, threads, Math.max(before, peak(threads)));
        }
    }

    private static double peak(int threads) {
        try (ComputePool pool = new ComputePool(threads)) {
            return Roofline.measure(pool).fmaAll();
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

    private static Result result(String shape, Case chosen, NetworkModel model, Timing timing, int threads,
            double peak) {
        long parameters = model.weights().values().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
        double[] sorted = timing.seconds.clone();
        Arrays.sort(sorted);
        double median = sorted[sorted.length / 2];
        int tokens = chosen.batch() * chosen.seqLen();
        double gigaflops = operations(chosen, parameters) / median / 1e9;
        return new Result(shape, parameters, tokens, threads, sorted.length, median, sorted[0],
                sorted[sorted.length - 1], tokens / median, gigaflops, peak, gigaflops / peak, timing.heapBytes, model.tapeBytes(), timing.loss);
    }

    private static double operations(Case chosen, long parameters) {
        NetworkConfig c = chosen.network();
        double tokens = (double) chosen.batch() * chosen.seqLen();
        double attention = 12.0 * c.nLayers() * c.nHeads() * c.headDim() * chosen.seqLen() * tokens;
        return 6.0 * parameters * tokens + (c.causal() ? attention / 2 : attention);
    }

    /** Updates on one batch, timed. */
    private static final class Timing {
        private final NetworkModel model;
        private final TokenBatch batch;
        private final double learningRate;
        private double[] seconds = {};
        private long heapBytes;
        private double loss;

        Timing(NetworkModel model, TokenBatch batch, double learningRate) {
            this.model = model;
            this.batch = batch;
            this.learningRate = learningRate;
        }

        /** Updates for so long, {@link #LEAST_UPDATES} at least; earlier figures are forgotten. */
        void run(double duration) {
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            double[] taken = new double[1 << 16];
            int count = 0;
            long heapBefore = threads.getTotalThreadAllocatedBytes();
            long start = System.nanoTime();
            for (long from = start; count < taken.length && (count < LEAST_UPDATES || from - start < duration * 1e9);) {
                loss = model.forwardBackward(batch, 1.0 / batch.countTargets(), count) / batch.countTargets();
                model.update(learningRate);
                long now = System.nanoTime();
                taken[count++] = (now - from) / 1e9;
                from = now;
            }
            heapBytes = (threads.getTotalThreadAllocatedBytes() - heapBefore) / count;
            seconds = Arrays.copyOf(taken, count);
        }
    }
}
