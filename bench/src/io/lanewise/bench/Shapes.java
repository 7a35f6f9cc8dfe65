package io.lanewise.bench;

import java.util.Arrays;

/** Shapes as benchmarks write them: sizes with an x between. */
final class Shapes {
    private Shapes() {}

    static int[] parse(String shape) {
        return Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
    }
}
