package io.lanewise.cli;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.GgufWriter;
import io.lanewise.generate.HuggingFaceFolder;
import io.lanewise.kernels.Quantizer;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code quantize}: a model file in another weight type. */
@Command(name = "quantize", description = {
        "Writes a GGUF file with its matrices in another type. Vectors and the routers of experts become F32; matrices",
        "whose rows are not whole blocks of the type get a smaller block of about as many bits, or F16."},
        footer = {"", "Example:", "  engine quantize model-f16.gguf model-q4.gguf --type Q4_K"})
final class QuantizeCommand extends EngineCommand {
    /** Small matrices that decide much: they are not worth the loss. */
    private static final List<String> KEPT = List.of("ffn_gate_inp.weight", "position_embd.weight", "token_types.weight");

    @Parameters(index = "0", paramLabel = "IN", description = "A GGUF file, or a folder with config.json and safetensors.")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "The file to write.")
    private Path out;

    @Option(names = "--type", required = true, paramLabel = "TYPE",
            description = "Type of the matrices, as F16, Q8_0, Q6_K or Q4_K.")
    private String type;

    @Option(names = "--split-mib", paramLabel = "N",
            description = "Write several files with at most N MiB of weights each: OUT-00001-of-00003.gguf and so on.")
    private Integer splitMib;

    @Mixin
    private ThreadsOption threads;

    QuantizeCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        DType wanted = WeightTypes.of(type);
        if (splitMib != null && splitMib < 1) {
            throw new UserMistake("--split-mib: expected 1 or more, got " + splitMib);
        }
        if (Files.exists(out) && Files.exists(in) && Files.isSameFile(in, out)) {
            throw new UserMistake(out + " is the input; name another file to write");
        }
        console.onInterrupt(() -> { });
        long start = System.nanoTime();
        long before;
        List<Path> written;
        boolean folder = HuggingFaceFolder.is(in);
        try (Checkpoint checkpoint = folder ? HuggingFaceFolder.open(in) : Checkpoint.open(in);
                ComputePool pool = new ComputePool(threads.threads())) {
            if (!folder && !checkpoint.format().startsWith("GGUF")) {
                throw new UserMistake(in + " is " + checkpoint.format()
                        + " without a config.json beside it; expected a GGUF file or a model folder");
            }
            before = checkpoint.byteSize();
            written = convert(checkpoint, wanted, pool, new Progress(console, "quantizing")::at);
        }
        console.progress("");
        long after = 0;
        for (Path file : written) {
            after += Files.size(file);
        }
        console.news(Units.format("%s: %s, was %s, in %.1f s", written.size() == 1 ? out
                : written.getFirst() + " and " + (written.size() - 1) + " more", Units.bytes(after), Units.bytes(before),
                (System.nanoTime() - start) / 1e9));
    }

    /** @return the files that were written */
    private List<Path> convert(Checkpoint checkpoint, DType wanted, ComputePool pool, DoubleConsumer progress) {
        GgufWriter file = new GgufWriter().metadata(checkpoint.metadata())
                .uint32("general.quantization_version", 2)
                .uint32("general.file_type", WeightTypes.fileType(wanted));
        long total = checkpoint.tensors().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
        long before = 0;
        for (TensorSource tensor : checkpoint.tensors()) {
            DType target = typeFor(tensor, wanted);
            TensorSource converted = Quantizer.convert(pool, tensor, target);
            long elements = tensor.shape().elements();
            double bytes = target.byteSize(elements);
            long done = before;
            file.tensor(tensor.name(), target, tensor.shape(), (offset, chunk) -> {
                converted.read(offset, chunk);
                progress.accept((done + elements * (offset + chunk.byteSize()) / bytes) / total);
            });
            before += elements;
        }
        if (splitMib == null) {
            file.write(out);
            return List.of(out);
        }
        return file.writeSplit(out, (long) splitMib << 20);
    }

    /** Tensors that are no weights, as tables of integers, stay as they are. */
    private static DType typeFor(TensorSource tensor, DType wanted) {
        if (!Quantizer.supports(tensor.dtype(), DType.F32) && tensor.shape().rank() < 2) {
            return tensor.dtype();
        }
        boolean kept = KEPT.stream().anyMatch(tensor.name()::endsWith);
        return kept ? DType.F32 : Quantizer.typeFor(wanted, tensor.shape());
    }
}
