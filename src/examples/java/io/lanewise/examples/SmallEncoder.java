package io.lanewise.examples;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.nn.AdamW;
import io.lanewise.nn.Initialisation;
import io.lanewise.nn.Network;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.nn.Positions;
import io.lanewise.parallel.ComputePool;
import io.lanewise.train.RandomState;
import java.lang.foreign.Arena;
import java.util.Locale;

/**
 * A small network as tutorials build it: an embedding of 1,000 × 256, two encoder layers (4 heads, feed-forward of 2,048
 * with ReLU, LayerNorm behind each) and a linear head, on one batch of 16 × 20 tokens, Adam at 1e-3, to say its own input.
 * Prints the loss of each step and the time a step takes.
 *
 * <pre>java --add-modules jdk.incubator.vector -cp target/engine.jar
 *     src/examples/java/io/lanewise/examples/SmallEncoder.java</pre>
 */
public final class SmallEncoder {
    private static final int VOCABULARY = 1000;
    private static final int ROWS = 16;
    private static final int SEQ_LEN = 20;

    private SmallEncoder() {
    }

    public static void main(String[] args) {
        int steps = args.length > 0 ? Integer.parseInt(args[0]) : 50;
        NetworkConfig config = NetworkConfig.encoder(VOCABULARY, 256, 2, 4, 2048, SEQ_LEN)
                .with(change -> change.positions = Positions.NONE);
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            Network network = new Network(arena, config).initialise(1, Initialisation.TORCH);
            AdamW adam = new AdamW(pool, arena, network.parameters(), new AdamW.Options(0.9, 0.999, 1e-8, 0));
            RandomState random = new RandomState(1);
            int[] ids = new int[ROWS * SEQ_LEN];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = random.nextInt(VOCABULARY);
            }
            System.out.printf(Locale.ROOT, "%,d parameters%n", network.parameterCount());
            long fastest = Long.MAX_VALUE;
            for (int step = 0; step < steps; step++) {
                long start = System.nanoTime();
                tape.begin();
                Variable loss = network.loss(tape, ids, ids, ROWS, SEQ_LEN);
                tape.backward(loss);
                adam.step(1e-3, 1);
                adam.zeroGrad();
                fastest = Math.min(fastest, System.nanoTime() - start);
                if (step < 10 || step == steps - 1) {
                    System.out.printf(Locale.ROOT, "step %d loss %.3f%n", step, loss.item());
                }
            }
            int right = correct(network.logits(tape.beginNoGrad(), ids, ROWS, SEQ_LEN), ids);
            System.out.printf(Locale.ROOT, "accuracy %.4f, fastest step %.1f ms%n", (double) right / ids.length,
                    fastest / 1e6);
        }
    }

    private static int correct(Variable logits, int[] ids) {
        float[] scores = logits.value().toFloatArray();
        int right = 0;
        for (int i = 0; i < ids.length; i++) {
            int best = 0;
            for (int token = 1; token < VOCABULARY; token++) {
                best = scores[i * VOCABULARY + token] > scores[i * VOCABULARY + best] ? token : best;
            }
            right += best == ids[i] ? 1 : 0;
        }
        return right;
    }
}
