package io.lanewise.autograd;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where the gradients of activations live. Walks the operations backwards once: a gradient takes memory when the first
 * rule writes it and gives it back when the rule of its own operation has run, so that a backward pass needs room for a
 * few of them only, most of which stay in cache. A rule that works element by element passes its memory on.
 */
final class GradientPlan implements AutoCloseable {
    private static final long ALIGNMENT = 64;

    private record Place(long offset, long bytes) {}

    private final Map<Variable, Place> places = new HashMap<>();
    /** Free stretches by offset; beyond the last one memory is free without end. */
    private final TreeMap<Long, Long> free = new TreeMap<>();
    private long peak;
    private Arena arena = Arena.ofShared();
    private MemorySegment memory = MemorySegment.NULL;

    /** Plans the gradients of {@code operations} for a pass that starts from {@code last}. */
    void make(List<Operation> operations, int count, Variable last) {
        places.clear();
        free.clear();
        peak = 0;
        List<Variable> assigned = new ArrayList<>();
        List<Place> placed = new ArrayList<>();
        place(last, assigned, placed);
        for (int i = count - 1; i >= 0; i--) {
            Operation operation = operations.get(i);
            if (operation.output.requiresGrad() && places.containsKey(operation.output)) {
                planInputs(operation, assigned, placed);
            } else {
                operation.output.setGrad(null);
            }
        }
        reserve();
        for (int i = 0; i < assigned.size(); i++) {
            Shape shape = assigned.get(i).shape();
            MemorySegment part = memory.asSlice(placed.get(i).offset(), DType.F32.byteSize(shape.elements()));
            assigned.get(i).setGrad(Tensor.of(part, DType.F32, shape));
        }
    }

    private void planInputs(Operation operation, List<Variable> assigned, List<Place> placed) {
        boolean passedOn = false;
        for (int i = 0; i < operation.inputs.length; i++) {
            Variable input = operation.inputs[i];
            if (input == null || !input.requiresGrad() || input.isParameter()) {
                continue;
            }
            operation.accumulate[i] = places.containsKey(input);
            if (operation.accumulate[i]) {
                continue;
            }
            if (operation.inPlace(i) && !passedOn) {
                passedOn = true;
                Place place = places.get(operation.output);
                places.put(input, place);
                assigned.add(input);
                placed.add(place);
            } else {
                place(input, assigned, placed);
            }
        }
        if (!passedOn) {
            release(places.get(operation.output));
        }
    }

    private void place(Variable variable, List<Variable> assigned, List<Place> placed) {
        long bytes = (DType.F32.byteSize(variable.shape().elements()) + ALIGNMENT - 1) & -ALIGNMENT;
        Place place = new Place(take(bytes), bytes);
        places.put(variable, place);
        assigned.add(variable);
        placed.add(place);
    }

    /** The first stretch that is long enough. */
    private long take(long bytes) {
        for (Map.Entry<Long, Long> stretch : free.entrySet()) {
            if (stretch.getValue() >= bytes) {
                long offset = stretch.getKey();
                long rest = stretch.getValue() - bytes;
                free.remove(offset);
                if (rest > 0) {
                    free.put(offset + bytes, rest);
                }
                return offset;
            }
        }
        Map.Entry<Long, Long> last = free.lastEntry();
        long offset = last != null && last.getKey() + last.getValue() == peak ? last.getKey() : peak;
        free.remove(offset);
        peak = offset + bytes;
        return offset;
    }

    private void release(Place place) {
        long offset = place.offset();
        long bytes = place.bytes();
        Map.Entry<Long, Long> before = free.lowerEntry(offset);
        if (before != null && before.getKey() + before.getValue() == offset) {
            offset = before.getKey();
            bytes += before.getValue();
        }
        Long after = free.remove(place.offset() + place.bytes());
        free.put(offset, bytes + (after == null ? 0 : after));
    }

    private void reserve() {
        if (memory.byteSize() < peak) {
            arena.close();
            arena = Arena.ofShared();
            memory = arena.allocate(peak, ALIGNMENT);
        }
    }

    long byteSize() {
        return memory.byteSize();
    }

    @Override
    public void close() {
        arena.close();
    }
}
