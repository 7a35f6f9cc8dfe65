package io.lanewise.kernels;

import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The x of a {@link Matmul}'s call that are wanted as {@link Codes}, each once however many products it has. */
final class CodedInputs {
    /** Rows of fewer floats in all are written before the threads are woken. */
    private static final long SMALL = 1 << 15;

    private final Arena arena;
    private final StageBody body = this::run;
    private MemorySegment codes = MemorySegment.NULL;
    private Input[] inputs = new Input[0];
    private int count;
    private int rows;
    private long bytes;
    private long floats;

    CodedInputs(Arena arena) {
        this.arena = arena;
    }

    private static final class Input {
        private MemorySegment x;
        private long xOffset;
        private long xStride;
        private int inDim;
        private int firstRow;
        private long at;
    }

    /** Notes an x; returns the byte at which its codes will start, row after row of {@link Codes#rowBytes}. */
    long add(MemorySegment x, long xOffset, long xStride, int xRows, int inDim) {
        if (count == inputs.length) {
            inputs = Arrays.copyOf(inputs, Math.max(4, 2 * count));
            for (int i = count; i < inputs.length; i++) {
                inputs[i] = new Input();
            }
        }
        Input input = inputs[count++];
        input.x = x;
        input.xOffset = xOffset;
        input.xStride = xStride;
        input.inDim = inDim;
        input.firstRow = rows;
        input.at = bytes;
        rows = Math.addExact(rows, xRows);
        bytes += xRows * Codes.rowBytes(inDim);
        floats += (long) xRows * inDim;
        return input.at;
    }

    /** Writes the codes of all that were added. Between the team's enter and exit. */
    void write(Team team) {
        if (bytes > codes.byteSize()) {
            codes = arena.allocate(bytes, 64);
        }
        if (floats <= SMALL) {
            run(0, rows, 0);
        } else {
            team.run(rows, Math.max(1, rows / (8 * team.threads())), body);
        }
    }

    private void run(int from, int to, int worker) {
        int i = 0;
        for (int row = from; row < to; row++) {
            while (i + 1 < count && inputs[i + 1].firstRow <= row) {
                i++;
            }
            Input input = inputs[i];
            int own = row - input.firstRow;
            Codes.row(input.x, (input.xOffset + own * input.xStride) << 2, input.inDim, codes,
                    input.at + own * Codes.rowBytes(input.inDim));
        }
    }

    MemorySegment codes() {
        return codes;
    }

    boolean isEmpty() {
        return count == 0;
    }

    void clear() {
        for (int i = 0; i < count; i++) {
            inputs[i].x = null;
        }
        count = 0;
        rows = 0;
        bytes = 0;
        floats = 0;
    }
}
