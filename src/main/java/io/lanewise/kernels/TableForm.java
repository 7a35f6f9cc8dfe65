package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of x for weights that are codes of a book: for every k a vector with the sixteen products of x and the book's values,
 * twice over, as 16-bit numbers. A block of 32 has one scale, such that a sum of any 32 products fits in 16 bits. The products
 * themselves are rounded, not x: a grid some ten times as fine as that of codes of x.
 */
final class TableForm extends RowForm {
    private static final int BLOCK = 32;
    private static final int BYTES = Lanes.BITS / 8;
    private static final float ROUND = 0x1.8p23f;
    private static final float SMALLEST = 0x1p-100f;
    private static final VectorSpecies<Short> HALVES = VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private final float[] book = new float[16];
    /** Largest Σ|product| of a block, but for what rounding may add, over the book's largest value. */
    private final float limit;

    TableForm(byte[] values) {
        int most = 0;
        for (int i = 0; i < book.length; i++) {
            book[i] = values[i];
            most = Math.max(most, Math.abs(values[i]));
        }
        this.limit = (32_767f - BLOCK) / most;
    }

    private void allocate(RowInput row, int inDim) {
        row.scales = RowInput.atLeast(inDim / BLOCK, row.scales);
        if (row.tables.byteSize() < (long) inDim * BYTES) {
            row.tables = row.arena.allocate((long) inDim * BYTES, BYTES);
        }
    }

    @Override
    void write(RowInput row, int inDim) {
        allocate(row, inDim);
        for (int k = 0; k < inDim; k += BLOCK) {
            float magnitude = CodeForm.magnitude(row.x(), row.x0() + 4L * k, BLOCK);
            boolean zero = magnitude < SMALLEST;
            row.scales[k / BLOCK] = zero ? 0 : magnitude / limit * CodeForm.UNIT;
            tables(row.x(), row.x0() + 4L * k, zero ? 0 : limit / magnitude, book, row.tables, (long) k * BYTES);
        }
    }

    private static void tables(MemorySegment x, long from, float inverse, float[] book, MemorySegment tables, long to) {
        FloatVector values = FloatVector.fromArray(Lanes.FLOAT, book, 0).mul(inverse);
        for (int i = 0; i < BLOCK; i++) {
            IntVector products = values.mul(x.get(F32, from + 4L * i)).add(ROUND).reinterpretAsInts();
            ShortVector half = (ShortVector) products.convertShape(VectorOperators.I2S, HALVES, 0);
            half.intoMemorySegment(tables, to + (long) i * BYTES, LITTLE_ENDIAN);
            half.intoMemorySegment(tables, to + (long) i * BYTES + BYTES / 2, LITTLE_ENDIAN);
        }
    }
}
