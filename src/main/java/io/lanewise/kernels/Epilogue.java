package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;

/**
 * What follows the sums of a matmul while they are still in cache. A tile is [rows, NR] floats, dense; offsets and
 * strides count floats.
 */
final class Epilogue {
    private static final int NR = FloatTile.NR;

    private Epilogue() {}

    /** c [rows, cols] = the tile's rows from {@code firstRow} on, or += them unless {@code replace}. */
    static void store(MemorySegment tile, int firstRow, int rows, int cols, boolean replace, MemorySegment c, long c0,
            long cStride) {
        if (replace) {
            for (int row = 0; row < rows; row++) {
                Elementwise.copy(tile, (long) (firstRow + row) * NR, c, c0 + row * cStride, cols);
            }
        } else if (cols == NR) {
            addFullTile(tile, firstRow, rows, c, c0, cStride);
        } else {
            add(tile, firstRow, rows, cols, c, c0, cStride);
        }
    }

    /** The case of every k block but the first: whole vectors, no tail. */
    private static void addFullTile(MemorySegment tile, int firstRow, int rows, MemorySegment c, long c0, long cStride) {
        for (int row = 0; row < rows; row++) {
            long from = (long) (firstRow + row) * NR;
            long to = c0 + row * cStride;
            for (int i = 0; i < NR; i += Lanes.FLOATS) {
                fromMemorySegment(FLOAT, c, to + i << 2, LITTLE_ENDIAN)
                        .add(fromMemorySegment(FLOAT, tile, from + i << 2, LITTLE_ENDIAN))
                        .intoMemorySegment(c, to + i << 2, LITTLE_ENDIAN);
            }
        }
    }

    /** c [rows, cols] += the tile's rows from {@code firstRow} on. */
    static void add(MemorySegment tile, int firstRow, int rows, int cols, MemorySegment c, long c0, long cStride) {
        for (int row = 0; row < rows; row++) {
            long to = c0 + row * cStride;
            Elementwise.add(c, to, tile, (long) (firstRow + row) * NR, c, to, cols);
        }
    }

    /** c [rows, cols] = 0. */
    static void clear(int rows, int cols, MemorySegment c, long c0, long cStride) {
        for (int row = 0; row < rows; row++) {
            Elementwise.fill(c, c0 + row * cStride, cols, 0f);
        }
    }

    /** c [rows, cols] = activation(c + bias), bias from {@code column} on. */
    static void finish(MemorySegment bias, long column, Activation activation, MemorySegment c, long c0, long cStride,
            int rows, int cols) {
        if (bias == null && activation == Activation.NONE) {
            return;
        }
        for (int row = 0; row < rows; row++) {
            long at = c0 + row * cStride;
            if (bias != null) {
                Elementwise.add(c, at, bias, column, c, at, cols);
            }
            activate(activation, c, at, cols);
        }
    }

    private static void activate(Activation activation, MemorySegment c, long at, int n) {
        switch (activation) {
            case NONE -> { }
            case RELU -> Elementwise.relu(c, at, c, at, n);
            case GELU_ERF -> Elementwise.geluErf(c, at, c, at, n);
            case GELU_TANH -> Elementwise.geluTanh(c, at, c, at, n);
            case SILU -> Elementwise.silu(c, at, c, at, n);
        }
    }

    /** y [rows, cols] = (y +) activation(gate)·up, gate and up being tiles; gate is overwritten. */
    static void gate(Activation activation, MemorySegment gate, MemorySegment up, int rows, int cols, boolean addToY,
            MemorySegment y, long y0, long yStride) {
        for (int row = 0; row < rows; row++) {
            long at = (long) row * NR;
            long to = y0 + row * yStride;
            if (addToY) {
                gateRow(activation, gate, at, up, gate, at, cols);
                Elementwise.add(y, to, gate, at, y, to, cols);
            } else {
                gateRow(activation, gate, at, up, y, to, cols);
            }
        }
    }

    private static void gateRow(Activation activation, MemorySegment gate, long at, MemorySegment up,
            MemorySegment y, long to, int n) {
        switch (activation) {
            case NONE -> Elementwise.mul(gate, at, up, at, y, to, n);
            case RELU -> {
                Elementwise.relu(gate, at, gate, at, n);
                Elementwise.mul(gate, at, up, at, y, to, n);
            }
            case GELU_ERF -> Elementwise.geluErfMul(gate, at, up, at, y, to, n);
            case GELU_TANH -> Elementwise.geluTanhMul(gate, at, up, at, y, to, n);
            case SILU -> Elementwise.siluMul(gate, at, up, at, y, to, n);
        }
    }
}
