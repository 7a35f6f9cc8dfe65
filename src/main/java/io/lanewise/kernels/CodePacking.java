package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * How codes of 2 to 6 bits fill lanes of 16 bits: a round of 8 or 16 k of a row is cut into as many lanes as its bits fill, and
 * no bit is left over. Most codes lie in one piece; what is left of the lanes' ends holds one or two more in pieces:
 *
 * <pre>
 *   bits   k a round   lanes
 *   2      16          2 of 8 codes
 *   3      16          3 of 5 codes, and a bit of k 15 each; planes: 2 of the low two bits of 8 codes, 1 of 16 third bits
 *   4      8           2 of 4 codes
 *   5      16          5 of 3 codes, and a bit of k 15 each
 *   6      8           3 of 2 codes, and 4 bits: of k 6 | the rest of k 6 and of k 7 | of k 7
 * </pre>
 *
 * <p>Rows come in pairs of vectors: lane l of an int vector holds 16 bits of row l of the pair in its low half and of row L + l
 * in its high half, L floats being a vector. Seen as shorts it has both rows in turn, and 16-bit sums of theirs are parted by
 * shifts. Each lane of a round and each pair is a stream of its own, see {@link PanelFormat}.
 */
final class CodePacking {
    static final CodePacking TWO = new CodePacking(2, 16, run(2, 8, 0), run(2, 8, 8));
    static final CodePacking THREE = new CodePacking(3, 16, runAndBit(3, 5, 0), runAndBit(3, 5, 1), runAndBit(3, 5, 2));
    /** Of 3 bits too: the low two bits of 8 k, of the other 8, and the third bits of all. */
    static final CodePacking PLANES = new CodePacking(3, 16, fields(0, 8, 0, 2), fields(8, 8, 0, 2), fields(0, 16, 2, 1));
    static final CodePacking FOUR = new CodePacking(4, 8, run(4, 4, 0), run(4, 4, 4));
    static final CodePacking FIVE = new CodePacking(5, 16, runAndBit(5, 3, 0), runAndBit(5, 3, 1), runAndBit(5, 3, 2),
            runAndBit(5, 3, 3), runAndBit(5, 3, 4));
    static final CodePacking SIX = new CodePacking(6, 8,
            List.of(new Field(0, 0, 6, 0), new Field(1, 0, 6, 6), new Field(6, 0, 4, 12)),
            List.of(new Field(2, 0, 6, 0), new Field(3, 0, 6, 6), new Field(6, 4, 2, 12), new Field(7, 4, 2, 14)),
            List.of(new Field(4, 0, 6, 0), new Field(5, 0, 6, 6), new Field(7, 0, 4, 12)));

    /** Pairs of vectors of rows in a panel. */
    static final int PAIRS = FloatTile.VECTORS / 2;

    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;

    private static final ValueLayout.OfLong EIGHT = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

    /** Bits {@code from} to {@code from + width} of the code of {@code k}, at bit {@code shift} of a lane. */
    private record Field(int k, int from, int width, int shift) {}

    private final int bits;
    private final int round;
    private final List<List<Field>> lanes;
    /** Where the code of each k of a round lies. */
    private final Pieces[] codes;
    /** What {@link #packLane} fills each lane of a round with. */
    private final int[][] fields;

    @SafeVarargs
    private CodePacking(int bits, int round, List<Field>... lanes) {
        this.bits = bits;
        this.round = round;
        this.lanes = List.of(lanes);
        this.fields = new int[lanes.length][];
        for (int lane = 0; lane < lanes.length; lane++) {
            fields[lane] = lanes[lane].stream()
                    .flatMapToInt(field -> IntStream.of(field.k / 8, field.k % 8 * 8 + field.from,
                            (1 << field.width) - 1, field.shift)).toArray();
        }
        this.codes = new Pieces[round];
        for (int k = 0; k < round; k++) {
            codes[k] = piecesOf(k);
        }
    }

    /** The pieces of a code: bits {@code mask} from bit {@code shift} of a lane on are its bits from {@code from} on. */
    private record Pieces(int[] lane, int[] shift, int[] mask, int[] from) {}

    private Pieces piecesOf(int k) {
        List<int[]> found = new ArrayList<>();
        for (int lane = 0; lane < lanes.size(); lane++) {
            for (Field field : lanes.get(lane)) {
                if (field.k == k) {
                    found.add(new int[] {lane, field.shift, (1 << field.width) - 1, field.from});
                }
            }
        }
        return new Pieces(column(found, 0), column(found, 1), column(found, 2), column(found, 3));
    }

    private static int[] column(List<int[]> rows, int i) {
        return rows.stream().mapToInt(row -> row[i]).toArray();
    }

    /** A lane filled with the codes of {@code count} k from {@code first} on. */
    private static List<Field> run(int bits, int count, int first) {
        return fields(first, count, 0, bits);
    }

    /** A lane filled with bits {@code from} to {@code from + width} of the codes of {@code count} k from {@code first} on. */
    private static List<Field> fields(int first, int count, int from, int width) {
        List<Field> fields = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            fields.add(new Field(first + i, from, width, width * i));
        }
        return fields;
    }

    /** The same with one bit of the code of k 15 on top. */
    private static List<Field> runAndBit(int bits, int count, int lane) {
        List<Field> fields = run(bits, count, lane * count);
        fields.add(new Field(15, lane, 1, 15));
        return fields;
    }

    /** Bits of a code. */
    int bits() {
        return bits;
    }

    /** Streams of a matrix. */
    int streams() {
        return PAIRS * lanes.size();
    }

    /** Bytes of a panel in a stream. */
    long run(int inDim) {
        return inDim / round * (long) BYTES;
    }

    /** Byte at which a panel starts in the stream of a pair and a lane of the round. */
    long at(PackedMatrix w, int panel, int pair, int lane) {
        return (((long) pair * lanes.size() + lane) * w.panels() + panel) * run(w.inDim());
    }

    /** Bytes from a stream of a pair to the next. */
    long step(PackedMatrix w) {
        return w.panels() * run(w.inDim());
    }

    /**
     * Writes one row of a panel.
     *
     * @param codes a byte a k, from byte {@code from} on; NULL for zeros
     */
    void packRow(MemorySegment codes, long from, PackedMatrix to, int panel, int row) {
        int rounds = to.inDim() / round;
        int pair = row / (2 * LANES);
        long place = row % LANES * 4L + row / LANES % 2 * 2L;
        if (this == FOUR && codes.byteSize() > 0) {
            packNibbles(codes, from, rounds, to.memory(), at(to, panel, pair, 0) + place, step(to));
            return;
        }
        for (int lane = 0; lane < lanes.size(); lane++) {
            long at = at(to, panel, pair, lane) + place;
            if (codes.byteSize() == 0) {
                Transpose.scatterZeroHalves(rounds, to.memory(), at, BYTES);
            } else {
                packLane(codes, from, round, rounds, to.memory(), at, fields[lane]);
            }
        }
    }

    /** {@link #packLane} of FOUR, both lanes at once, {@code step} bytes apart. */
    private static void packNibbles(MemorySegment codes, long from, int rounds, MemorySegment to, long at, long step) {
        for (int i = 0; i < rounds; i++) {
            long eight = codes.get(EIGHT, from + 8L * i);
            eight = (eight | eight >>> 4) & 0x00FF00FF00FF00FFL;
            eight = (eight | eight >>> 8) & 0x0000FFFF0000FFFFL;
            long line = at + (long) i * BYTES;
            Bits.set16(to, line, (int) eight);
            Bits.set16(to, line + step, (int) (eight >>> 32));
        }
    }

    /**
     * Takes eight codes at a time, since a read of a segment is slow until the compiler has come.
     *
     * @param fields of each: whether it lies in the second eight codes of a round, its first bit there, mask, first bit in the
     *     lane
     */
    private static void packLane(MemorySegment codes, long from, int round, int rounds, MemorySegment to, long at, int[] fields) {
        for (int i = 0; i < rounds; i++) {
            long first = codes.get(EIGHT, from);
            long second = round == 16 ? codes.get(EIGHT, from + 8) : 0;
            int lane = 0;
            for (int f = 0; f < fields.length; f += 4) {
                long eight = fields[f] == 0 ? first : second;
                lane |= ((int) (eight >>> fields[f + 1]) & fields[f + 2]) << fields[f + 3];
            }
            Bits.set16(to, at + (long) i * BYTES, lane);
            from += round;
        }
    }

    /**
     * tile [depth, NR] = code · scale + offset, codes from k0 on; with a book, book[code] · scale.
     *
     * @param book what codes of 4 bits stand for, or null for themselves
     * @param scales rows [NR] of floats, one for every {@code block} k, the first for k0; offsets likewise
     */
    void unpack(PackedMatrix w, int panel, int k0, int depth, int[] book, MemorySegment scales, MemorySegment offsets, int block,
            MemorySegment tile) {
        int rounds = depth / round;
        int toBlock = Integer.numberOfTrailingZeros(block / round);
        for (int pair = 0; pair < PAIRS; pair++) {
            long w0 = at(w, panel, pair, 0) + k0 / round * (long) BYTES;
            long column = 2L * pair * BYTES;
            if (this == FOUR && book == null) {
                nibbles(w.memory(), w0, step(w), depth / block, block / 4, scales, offsets, tile, column);
                continue;
            }
            for (int k = 0; k < round; k++) {
                Pieces code = codes[k];
                long from = w0 + code.lane[0] * step(w);
                long to = k * NR * 4L + column;
                if (book != null) {
                    lookUp(w.memory(), from, rounds, code.shift[0], book, scales, toBlock, tile, to, round * NR * 4L, column);
                } else if (code.lane.length == 1) {
                    onePiece(w.memory(), from, rounds, code.shift[0], code.mask[0], scales, offsets, toBlock, tile, to,
                            round * NR * 4L, column);
                } else {
                    pieces(w.memory(), w0, step(w), rounds, code, scales, offsets, toBlock, tile, to, round * NR * 4L, column);
                }
            }
        }
    }

    /**
     * All of FOUR, in the order of the tile: each line of codes is read once, a block's scales too, and codes are not shifted to
     * bit 0, but for the topmost, where its place is the sign's: scales have a power of two for each place instead.
     */
    private static void nibbles(MemorySegment w, long w0, long laneStep, int blocks, int lines, MemorySegment scales,
            MemorySegment offsets, MemorySegment tile, long column) {
        long t = column;
        for (int block = 0; block < blocks; block++) {
            long s = block * NR * 4L + column;
            FloatVector s0 = FloatVector.fromMemorySegment(FLOAT, scales, s, LITTLE_ENDIAN);
            FloatVector s4 = s0.mul(0x1p-4f);
            FloatVector s8 = s0.mul(0x1p-8f);
            FloatVector s12 = s0.mul(0x1p-12f);
            FloatVector s28 = FloatVector.fromMemorySegment(FLOAT, scales, s + BYTES, LITTLE_ENDIAN);
            FloatVector s16 = s28.mul(0x1p-16f);
            FloatVector s20 = s28.mul(0x1p-20f);
            FloatVector s24 = s28.mul(0x1p-24f);
            FloatVector low = FloatVector.fromMemorySegment(FLOAT, offsets, s, LITTLE_ENDIAN);
            FloatVector high = FloatVector.fromMemorySegment(FLOAT, offsets, s + BYTES, LITTLE_ENDIAN);
            for (int line = 0; line < lines; line++) {
                IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (line >> 1) * (long) BYTES + (line & 1) * laneStep,
                        LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF).convert(I2F, 0)).fma(s0, low).intoMemorySegment(tile, t, LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF0000).convert(I2F, 0)).fma(s16, high)
                        .intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF0).convert(I2F, 0)).fma(s4, low)
                        .intoMemorySegment(tile, t + NR * 4L, LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF00000).convert(I2F, 0)).fma(s20, high)
                        .intoMemorySegment(tile, t + NR * 4L + BYTES, LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF00).convert(I2F, 0)).fma(s8, low)
                        .intoMemorySegment(tile, t + NR * 8L, LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF000000).convert(I2F, 0)).fma(s24, high)
                        .intoMemorySegment(tile, t + NR * 8L + BYTES, LITTLE_ENDIAN);
                ((FloatVector) p.and(0xF000).convert(I2F, 0)).fma(s12, low)
                        .intoMemorySegment(tile, t + NR * 12L, LITTLE_ENDIAN);
                ((FloatVector) p.lanewise(LSHR, 28).convert(I2F, 0)).fma(s28, high)
                        .intoMemorySegment(tile, t + NR * 12L + BYTES, LITTLE_ENDIAN);
                t += NR * 16L;
            }
            w0 += lines / 2 * (long) BYTES;
        }
    }

    private static void onePiece(MemorySegment w, long w0, int rounds, int shift, int mask, MemorySegment scales,
            MemorySegment offsets, int toBlock, MemorySegment tile, long t0, long step, long column) {
        for (int i = 0; i < rounds; i++) {
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN).lanewise(LSHR, shift);
            long s = (i >> toBlock) * NR * 4L + column;
            long t = t0 + i * step;
            ((FloatVector) p.and(mask).convert(I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, s, LITTLE_ENDIAN),
                            FloatVector.fromMemorySegment(FLOAT, offsets, s, LITTLE_ENDIAN))
                    .intoMemorySegment(tile, t, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHR, 16).and(mask).convert(I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, s + BYTES, LITTLE_ENDIAN),
                            FloatVector.fromMemorySegment(FLOAT, offsets, s + BYTES, LITTLE_ENDIAN))
                    .intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
        }
    }

    private static void pieces(MemorySegment w, long w0, long laneStep, int rounds, Pieces code, MemorySegment scales,
            MemorySegment offsets, int toBlock, MemorySegment tile, long t0, long step, long column) {
        int count = code.lane.length;
        for (int i = 0; i < rounds; i++) {
            IntVector low = IntVector.zero(INT);
            IntVector high = low;
            for (int j = 0; j < count; j++) {
                IntVector p = IntVector.fromMemorySegment(INT, w, w0 + code.lane[j] * laneStep + (long) i * BYTES, LITTLE_ENDIAN)
                        .lanewise(LSHR, code.shift[j]);
                low = p.and(code.mask[j]).lanewise(LSHL, code.from[j]).or(low);
                high = p.lanewise(LSHR, 16).and(code.mask[j]).lanewise(LSHL, code.from[j]).or(high);
            }
            long s = (i >> toBlock) * NR * 4L + column;
            long t = t0 + i * step;
            ((FloatVector) low.convert(I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, s, LITTLE_ENDIAN),
                            FloatVector.fromMemorySegment(FLOAT, offsets, s, LITTLE_ENDIAN))
                    .intoMemorySegment(tile, t, LITTLE_ENDIAN);
            ((FloatVector) high.convert(I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, s + BYTES, LITTLE_ENDIAN),
                            FloatVector.fromMemorySegment(FLOAT, offsets, s + BYTES, LITTLE_ENDIAN))
                    .intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
        }
    }

    /** A vector as long as the book looks it up at once; shorter ones go lane by lane. */
    private static void lookUp(MemorySegment w, long w0, int rounds, int shift, int[] book, MemorySegment scales, int toBlock,
            MemorySegment tile, long t0, long step, long column) {
        if (LANES == book.length) {
            lookUpVectors(w, w0, rounds, shift, book, scales, toBlock, tile, t0, step, column);
            return;
        }
        for (int i = 0; i < rounds; i++) {
            for (int lane = 0; lane < 2 * LANES; lane++) {
                int code = Bits.i32(w, w0 + (long) i * BYTES + lane % LANES * 4L) >>> shift + lane / LANES * 16 & 0xF;
                float scale = Floats.get(scales, ((i >> toBlock) * NR * 4L + column >> 2) + lane);
                Floats.set(tile, (t0 + i * step >> 2) + lane, book[code] * scale);
            }
        }
    }

    private static void lookUpVectors(MemorySegment w, long w0, int rounds, int shift, int[] book, MemorySegment scales,
            int toBlock, MemorySegment tile, long t0, long step, long column) {
        IntVector values = IntVector.fromArray(INT, book, 0);
        for (int i = 0; i < rounds; i++) {
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN).lanewise(LSHR, shift);
            long s = (i >> toBlock) * NR * 4L + column;
            long t = t0 + i * step;
            ((FloatVector) p.and(0xF).selectFrom(values).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, scales, s, LITTLE_ENDIAN)).intoMemorySegment(tile, t, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHR, 16).and(0xF).selectFrom(values).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, scales, s + BYTES, LITTLE_ENDIAN))
                    .intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
        }
    }
}
