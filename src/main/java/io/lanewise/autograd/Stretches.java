package io.lanewise.autograd;

import java.util.Arrays;

/**
 * Stretches of operations whose results take turns in the same memory, in the order of a step. Backward, on its way to the
 * front, meets first the operations that follow a stretch: then the stretch must have been made again, unless it is the
 * last one, whose results still lie there.
 */
final class Stretches {
    private int[] from = new int[16];
    private int[] to = new int[16];
    private int count;
    private boolean open;

    void clear() {
        count = 0;
        open = false;
    }

    boolean isOpen() {
        return open;
    }

    void begin(int position) {
        if (open) {
            throw new IllegalStateException("beginStretch: the stretch before it has not ended");
        }
        if (count == from.length) {
            from = Arrays.copyOf(from, 2 * count);
            to = Arrays.copyOf(to, 2 * count);
        }
        from[count] = position;
        open = true;
    }

    void end(int position) {
        if (!open) {
            throw new IllegalStateException("endStretch: no stretch has begun");
        }
        open = false;
        to[count++] = position;
    }

    /** The stretch to make again before the rule of operation {@code position} runs, or -1. */
    int neededFrom(int position) {
        for (int i = count - 1; i > 0; i--) {
            if (position + 1 == from[i]) {
                return i - 1;
            }
        }
        return -1;
    }

    /** First operation of a stretch; 0 of none. */
    int first(int stretch) {
        return stretch < 0 ? 0 : from[stretch];
    }

    /** The operation behind a stretch; 0 of none. */
    int behind(int stretch) {
        return stretch < 0 ? 0 : to[stretch];
    }
}
