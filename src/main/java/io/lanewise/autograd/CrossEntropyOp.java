package io.lanewise.autograd;

import io.lanewise.kernels.CrossEntropy;
import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link Rule#CROSS_ENTROPY}. Keeps the largest logit of each row and its sum of e^(x - max). */
final class CrossEntropyOp extends Operation {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final int classes;
    private final int rows;
    private final MemorySegment stats;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    int[] targets;
    int ignoreIndex;
    private int counted;
    private float dLoss;
    private boolean adds;

    CrossEntropyOp(Tape tape, Variable logits) {
        super(tape, Rule.CROSS_ENTROPY, logits);
        classes = width(logits);
        rows = rows(logits, classes);
        makeOutput(Shape.of());
        stats = tape.memory(2L * rows);
    }

    @Override
    void forward() {
        checkTargets();
        parallelRows(rows, 2L * classes, forwardStage);
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            if (targets[row] != ignoreIndex) {
                sum += CrossEntropy.loss(x(0), (long) row * classes, targets[row], stats, 2L * row);
            }
        }
        y().set(FLOAT, 0, (float) (counted == 0 ? 0 : sum / counted));
    }

    private void checkTargets() {
        if (targets.length < rows) {
            throw new IllegalArgumentException(rule + ": expected " + rows + " targets, got " + targets.length);
        }
        counted = 0;
        for (int row = 0; row < rows; row++) {
            if (targets[row] != ignoreIndex) {
                counted++;
                if (targets[row] < 0 || targets[row] >= classes) {
                    throw new IndexOutOfBoundsException(
                            rule + ": target " + targets[row] + " of row " + row + ", there are " + classes + " classes");
                }
            }
        }
    }

    private void forwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            CrossEntropy.stats(x(0), (long) row * classes, classes, stats, 2L * row);
        }
    }

    @Override
    void backward() {
        adds = adds(0);
        dLoss = counted == 0 ? 0 : dY().get(FLOAT, 0) / counted;
        parallelRows(rows, 2L * classes, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * classes;
            if (targets[row] != ignoreIndex) {
                CrossEntropy.backward(x(0), at, targets[row], stats, 2L * row, dLoss, dX(0), at, classes, adds);
            } else if (!adds) {
                Elementwise.fill(dX(0), at, classes, 0f);
            }
        }
    }
}
