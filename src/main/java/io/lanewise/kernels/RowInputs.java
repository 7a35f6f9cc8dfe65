package io.lanewise.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A few rows of x in the form that a product wants, for one worker. Every worker makes them for itself: 10 to 15 µs for 9,000
 * numbers, which is no more than a stage of its own took, whose end all wait for and whose lines then move from core to core.
 */
final class RowInputs {
    private final RowInput[] rows;
    private int heldInput;
    private int heldFirst;
    private int heldCount;
    private RowForm heldForm;

    RowInputs(Arena arena, int most) {
        rows = new RowInput[most];
        for (int row = 0; row < most; row++) {
            rows[row] = new RowInput(arena);
        }
    }

    /**
     * Has rows {@code first} to {@code first + count} of x ready in a form, or as floats where that is null.
     *
     * @param input a number that belongs to this x and its present contents alone; 0 to none
     */
    void hold(int input, int first, RowForm form, MemorySegment x, long xOffset, long xStride, int count, int inDim) {
        if (heldInput == input && heldFirst == first && heldCount == count && heldForm == form) {
            return;
        }
        for (int row = 0; row < count; row++) {
            rows[row].of(x, xOffset + (first + row) * xStride << 2);
            if (form != null) {
                form.write(rows[row], inDim);
            }
        }
        heldInput = input;
        heldFirst = first;
        heldCount = count;
        heldForm = form;
    }

    RowInput get(int row) {
        return rows[row];
    }
}
