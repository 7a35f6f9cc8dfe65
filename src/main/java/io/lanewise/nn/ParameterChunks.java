package io.lanewise.nn;

import io.lanewise.autograd.Variable;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** All parameters cut into pieces of some thousand elements, which the threads of a team share. */
final class ParameterChunks {
    private static final int CHUNK = 32_768;

    final MemorySegment[] values;
    final MemorySegment[] grads;
    /** Of each chunk: which parameter, from where, how many elements. */
    final int[] parameter;
    final long[] offset;
    final int[] length;

    private final List<Variable> variables;
    private final Team team;

    ParameterChunks(ComputePool pool, List<Variable> variables) {
        this.variables = List.copyOf(variables);
        team = pool.newTeam();
        int count = 0;
        for (Variable variable : variables) {
            count += Math.toIntExact(Math.ceilDiv(variable.shape().elements(), (long) CHUNK));
        }
        values = new MemorySegment[variables.size()];
        grads = new MemorySegment[variables.size()];
        parameter = new int[count];
        offset = new long[count];
        length = new int[count];
        int at = 0;
        for (int i = 0; i < values.length; i++) {
            Variable variable = variables.get(i);
            values[i] = variable.value().segment();
            grads[i] = variable.grad().segment();
            long elements = variable.shape().elements();
            for (long from = 0; from < elements; from += CHUNK) {
                parameter[at] = i;
                offset[at] = from;
                length[at++] = (int) Math.min(CHUNK, elements - from);
            }
        }
    }

    int count() {
        return parameter.length;
    }

    List<Variable> variables() {
        return variables;
    }

    /** Runs {@code body} over the chunks, after gradients that nobody wrote have become the zeros they stand for. */
    void run(StageBody body) {
        for (int i = 0; i < grads.length; i++) {
            variables.get(i).grad();
        }
        team.enter();
        try {
            team.run(parameter.length, 1, body);
        } finally {
            team.exit();
        }
    }
}
