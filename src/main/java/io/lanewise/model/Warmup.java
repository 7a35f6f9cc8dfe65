package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.TensorSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Runs the kernels that a model needs on a few numbers of their own while its weights load, until the JIT compiler has
 * come: cold, a vector operation costs a hundred times what it costs compiled, and the first prompt would pay for that.
 * One thread, which gives every part the same time.
 */
public final class Warmup {
    /** Smaller models are through their first prompt before a warm-up is. */
    private static final long LEAST_WEIGHTS = 16_000_000;
    /** Nobody waits longer than this from the beginning on; while weights load the warm-up may take longer. */
    private static final long MOST_NANOS = 1_600_000_000L;
    /** What a part of {@link WarmupKernels} takes several times when all is compiled, and a hundredth of before. */
    private static final long FAST_NANOS = 50_000;
    private static final int FAST_RUNS = 5;
    /** So many runs until the compiler has been called for most kernels of a part. */
    private static final int BUSY_RUNS = 150;
    /** How long a part rests after that, in times of its run: the compiler wants the processor too. */
    private static final int REST = 4;
    private static final Set<DType> WARM = EnumSet.noneOf(DType.class);
    private static final Warmup NONE = new Warmup();

    private Thread thread;
    private volatile boolean awaited;

    private Warmup() {}

    /**
     * Begins with the kernels for a checkpoint's weights; at once done where they are warm or not worth it.
     *
     * @param converted what matrices are converted to as they are loaded, or null
     */
    public static Warmup begin(Checkpoint checkpoint, DType converted) {
        long weights = 0;
        Set<DType> types = EnumSet.noneOf(DType.class);
        for (TensorSource tensor : checkpoint.tensors()) {
            weights += tensor.shape().elements();
            if (tensor.shape().rank() > 1) {
                types.add(converted == null ? tensor.dtype() : converted);
            }
        }
        if (weights < LEAST_WEIGHTS || !claim(types)) {
            return NONE;
        }
        try {
            Family family = Family.ALL.get(checkpoint.metadata().string("general.architecture"));
            ModelConfig config = family.config(new Keys(checkpoint));
            Warmup warmup = new Warmup();
            warmup.thread = Thread.ofPlatform().daemon().name("lanewise-warm-up").start(() -> warmup.run(config, types));
            return warmup;
        } catch (RuntimeException notAModel) {
            // Loading it says what is wrong.
            return NONE;
        }
    }

    /** Leaves those types that nobody has warmed yet; false where there are none. */
    private static boolean claim(Set<DType> types) {
        synchronized (WARM) {
            types.removeAll(WARM);
            return WARM.addAll(types);
        }
    }

    private void run(ModelConfig config, Set<DType> types) {
        try (WarmupKernels kernels = new WarmupKernels(config, types)) {
            List<Part> cold = new ArrayList<>();
            for (Runnable kernel : kernels.parts()) {
                cold.add(new Part(kernel));
            }
            long start = System.nanoTime();
            while (!cold.isEmpty() && System.nanoTime() - start < (awaited ? MOST_NANOS : 5 * MOST_NANOS)) {
                Part part = Collections.min(cold, Part.LEAST_TIME);
                part.run();
                if (part.fast == FAST_RUNS) {
                    cold.remove(part);
                }
            }
        } catch (InterruptedException | RuntimeException skipped) {
            // A kernel that cannot run says so when the model does.
        }
    }

    /** Some kernels, and how they do. */
    private static final class Part {
        static final Comparator<Part> LEAST_TIME = Comparator.comparingLong(part -> part.nanos);

        private final Runnable kernels;
        private long nanos;
        private int runs;
        /** Fast runs in a row. */
        private int fast;

        Part(Runnable kernels) {
            this.kernels = kernels;
        }

        void run() throws InterruptedException {
            long start = System.nanoTime();
            kernels.run();
            long took = System.nanoTime() - start;
            nanos += took;
            fast = took < FAST_NANOS ? fast + 1 : 0;
            if (++runs > BUSY_RUNS && fast == 0) {
                Thread.sleep(Duration.ofNanos(REST * took));
            }
        }
    }

    /** The weights are loaded: waits until the kernels are compiled, or 1.6 seconds have passed since the beginning. */
    public void await() {
        awaited = true;
        try {
            if (thread != null) {
                thread.join();
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
