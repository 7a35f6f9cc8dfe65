package io.lanewise.nn;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.parallel.ComputePool;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Activations that backward makes again: the same bits, less memory. */
class RecomputationTest {
    private static final int BATCH = 16;
    private static final int SEQ_LEN = 48;
    private static final int STEPS = 3;

    private final List<float[]> kept = new ArrayList<>();
    private final List<float[]> madeAgain = new ArrayList<>();

    @Test
    void llamaBlocksGiveTheSameBitsInLessMemory() {
        verify(NetworkConfig.llama(50, 64, 6, 4, 2, 160, SEQ_LEN).with(c -> c.dropout = 0.1f), false);
    }

    @Test
    void gptBlocksGiveTheSameBitsInLessMemory() {
        verify(NetworkConfig.gpt(50, 64, 6, 4, SEQ_LEN), false);
    }

    @Test
    void encoderBlocksGiveTheSameBitsInLessMemory() {
        verify(NetworkConfig.encoder(50, 64, 6, 4, 256, SEQ_LEN), false);
    }

    @Test
    void adaptersGiveTheSameBitsInLessMemory() {
        verify(NetworkConfig.llama(50, 64, 6, 4, 2, 160, SEQ_LEN), true);
    }

    private void verify(NetworkConfig config, boolean adapters) {
        long bytesKept = train(config, adapters, false, kept);
        long bytesMadeAgain = train(config, adapters, true, madeAgain);
        assertThat(madeAgain).hasSameSizeAs(kept);
        for (int i = 0; i < kept.size(); i++) {
            assertThat(madeAgain.get(i)).as("gradient %d", i).isEqualTo(kept.get(i));
        }
        assertThat(bytesMadeAgain).as("bytes, %s when all is kept", bytesKept).isLessThan(bytesKept * 6 / 10);
    }

    /** Losses and gradients of some steps, with a pass of another shape in between; the memory that the tape took. */
    private static long train(NetworkConfig config, boolean adapters, boolean recompute, List<float[]> found) {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2);
                Tape tape = new Tape(pool).recompute(recompute)) {
            Network network = new Network(arena, config).initialise(7, Initialisation.NANO_GPT);
            List<Variable> learning = adapters ? network.adapt(arena, 4, 8, List.of("attn_q", "ffn_down", "ffn_up"), 3)
                    : network.parameters();
            SplittableRandom random = new SplittableRandom(5);
            for (int step = 0; step < STEPS; step++) {
                int[] ids = random.ints(BATCH * SEQ_LEN, 0, config.vocabSize()).toArray();
                int[] targets = random.ints(BATCH * SEQ_LEN, 0, config.vocabSize()).toArray();
                if (step == 1) {
                    tape.beginNoGrad();
                    network.loss(tape, ids, targets, 3, 11);
                }
                tape.begin().seed(step);
                Variable loss = network.loss(tape, ids, targets, BATCH, SEQ_LEN);
                tape.backward(loss);
                found.add(new float[] {loss.item()});
                for (Variable parameter : learning) {
                    found.add(parameter.grad().toFloatArray());
                }
            }
            return tape.byteSize();
        }
    }
}
