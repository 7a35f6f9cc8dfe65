package io.lanewise.cli;

import io.lanewise.tensor.DType;
import java.util.List;
import picocli.CommandLine.Option;

/** {@code --kv-type}. */
final class KvTypeOption {
    private static final List<DType> TYPES = List.of(DType.F32, DType.F16, DType.Q8_0);

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "F32",
            description = "How the KV cache stores numbers: F32, F16 or Q8_0 (default: ${DEFAULT-VALUE}).")
    private String type;

    DType type() {
        return TYPES.stream().filter(known -> known.name().equalsIgnoreCase(type)).findFirst().orElseThrow(
                () -> new UserMistake("--kv-type: expected one of " + String.join(", ", TYPES.stream().map(DType::name)
                        .toList()) + "; got '" + type + "'"));
    }
}
