package io.lanewise.bench;

import org.openjdk.jmh.infra.BenchmarkParams;

/** From JMH's description of a benchmark to the benchmark. */
final class Cases {
    private Cases() {}

    /** The benchmark's object with its parameters, not set up. */
    static Case of(BenchmarkParams params) {
        String name = params.getBenchmark();
        try {
            Class<?> type = Class.forName(name.substring(0, name.lastIndexOf('.')));
            Object object = type.getDeclaredConstructor().newInstance();
            for (String key : params.getParamsKeys()) {
                String value = params.getParam(key);
                var field = type.getField(key);
                field.set(object, field.getType() == int.class ? Integer.valueOf(value) : value);
            }
            return (Case) object;
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
