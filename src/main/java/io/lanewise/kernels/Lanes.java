package io.lanewise.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width that all kernels share: the machine's widest up to 512 bits, or what the system property
 * {@code lanewise.vectorBits} (128, 256 or 512) forces. A forced width that the machine lacks still computes right, and
 * slowly.
 *
 * <p>Kernels use this one species of {@code FloatVector} and no other. A second one in the same process blurs the type
 * profiles of the methods that all species share; helpers are then compiled for both, grow too big to be inlined
 * ("already compiled into a big method") and box every vector that they take, in kernels that have nothing to do with
 * it.
 */
public final class Lanes {
    /** Bits a vector. */
    public static final int BITS = bits();
    /** Floats a vector. */
    public static final int FLOATS = BITS / Float.SIZE;

    static final VectorShape SHAPE = VectorShape.forBitSize(BITS);
    static final VectorSpecies<Float> FLOAT = VectorSpecies.of(float.class, SHAPE);
    static final VectorSpecies<Integer> INT = VectorSpecies.of(int.class, SHAPE);
    static final VectorSpecies<Short> SHORT = VectorSpecies.of(short.class, SHAPE);
    static final VectorSpecies<Byte> BYTE = VectorSpecies.of(byte.class, SHAPE);

    private Lanes() {}

    private static int bits() {
        String forced = System.getProperty("lanewise.vectorBits", "");
        return switch (forced) {
            case "" -> Math.clamp(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 128, 512);
            case "128", "256", "512" -> Integer.parseInt(forced);
            default -> throw new IllegalArgumentException(
                    "lanewise.vectorBits: expected 128, 256 or 512, got '" + forced + "'");
        };
    }
}
