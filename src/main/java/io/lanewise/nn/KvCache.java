package io.lanewise.nn;

import io.lanewise.kernels.KvBuffer;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;

/** Keys and values of every layer for the positions of one session; sized when the session starts. */
public final class KvCache {
    private final KvBuffer[] layers;
    private final int capacity;
    private int length;

    /**
     * An empty cache.
     *
     * @param type how numbers are stored: F32, F16 or Q8_0
     * @param capacity positions that it can hold
     */
    public KvCache(Arena arena, DType type, int nLayers, int capacity, int nKvHeads, int headDim, int vHeadDim) {
        this.layers = new KvBuffer[nLayers];
        this.capacity = capacity;
        for (int layer = 0; layer < nLayers; layer++) {
            layers[layer] = new KvBuffer(arena, type, capacity, nKvHeads, headDim, vHeadDim);
        }
    }

    private KvCache(KvBuffer[] layers, int capacity) {
        this.layers = layers;
        this.capacity = capacity;
    }

    /** An empty cache of one head a layer, whose values are the first {@code vHeadDim} numbers of its keys. */
    public static KvCache latents(Arena arena, DType type, int nLayers, int capacity, int headDim, int vHeadDim) {
        KvBuffer[] layers = new KvBuffer[nLayers];
        for (int layer = 0; layer < nLayers; layer++) {
            layers[layer] = KvBuffer.latents(arena, type, capacity, headDim, vHeadDim);
        }
        return new KvCache(layers, capacity);
    }

    /** Keys and values of a layer. */
    public KvBuffer layer(int layer) {
        return layers[layer];
    }

    /** Positions that it can hold. */
    public int capacity() {
        return capacity;
    }

    /** Positions that it holds. */
    public int length() {
        return length;
    }

    /** Counts {@code rows} more positions, which the forward pass has written to every layer. */
    public void advance(int rows) {
        length += rows;
    }

    /** Forgets all positions from {@code newLength} on. */
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("truncate: expected 0 to " + length + ", got " + newLength);
        }
        length = newLength;
    }

    /** How the layers store numbers. */
    public DType dtype() {
        return layers[0].dtype();
    }

    /** Number of layers. */
    public int layers() {
        return layers.length;
    }

    /** Bytes of all layers. */
    public long byteSize() {
        long bytes = 0;
        for (KvBuffer layer : layers) {
            bytes += layer.byteSize();
        }
        return bytes;
    }
}
