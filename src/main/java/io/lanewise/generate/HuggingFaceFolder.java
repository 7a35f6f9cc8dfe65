package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.tensor.TensorSource;
import io.lanewise.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model folder as Hugging Face's transformers writes it: {@code config.json}, safetensors, and a tokenizer. It is read
 * as if it had been converted to GGUF: its settings become metadata, its tensors get canonical names and row order.
 */
public final class HuggingFaceFolder {
    private static final String CONFIG = "config.json";
    /** Longer ones are no templates. */
    private static final long MAX_TEMPLATE_BYTES = 1 << 20;

    private HuggingFaceFolder() {}

    /** Whether the path is a folder, or a safetensors file, with a {@code config.json} beside its weights. */
    public static boolean is(Path path) {
        Path folder = folder(path);
        return folder != null && Files.isRegularFile(folder.resolve(CONFIG));
    }

    /** The folder of a model, or null where the path is neither a folder nor a safetensors file. */
    private static Path folder(Path path) {
        if (Files.isDirectory(path)) {
            return path;
        }
        String name = String.valueOf(path.getFileName());
        return name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json")
                ? path.toAbsolutePath().getParent() : null;
    }

    /**
     * Opens a folder; the tensors of the checkpoint are mapped, converted where the row order differs.
     *
     * @throws FormatException if a file is missing or damaged, or the model is of a type that is not read
     */
    public static Checkpoint open(Path path) {
        Path folder = folder(path);
        HuggingFaceConfig config = new HuggingFaceConfig(folder.resolve(CONFIG));
        Checkpoint checkpoint = Checkpoint.open(path);
        try {
            GgufWriter metadata = config.metadata();
            tokenizer(folder).ifPresent(tokenizer -> VocabularyWriter.write(tokenizer.vocabulary(), metadata));
            chatTemplate(folder).ifPresent(template -> metadata.string("tokenizer.chat_template", template));
            List<TensorSource> tensors = new ArrayList<>(HuggingFaceTensors.of(checkpoint, config));
            tensors.addAll(config.tensors());
            if (config.tied()) {
                tensors.removeIf(tensor -> tensor.name().equals("output.weight"));
            }
            return checkpoint.as(metadata, tensors);
        } catch (RuntimeException | Error failed) {
            checkpoint.close();
            throw failed;
        }
    }

    /** The folder's own tokenizer, which no GGUF key describes in full; empty where it has no {@code tokenizer.json}. */
    public static Optional<Tokenizer> tokenizer(Path path) {
        Path folder = folder(path);
        return folder != null && Files.isRegularFile(folder.resolve("tokenizer.json"))
                ? Optional.of(HuggingFaceTokenizerFile.tokenizer(folder)) : Optional.empty();
    }

    private static Optional<String> chatTemplate(Path folder) {
        Path file = folder.resolve("chat_template.jinja");
        try {
            if (Files.isRegularFile(file) && Files.size(file) <= MAX_TEMPLATE_BYTES) {
                return Optional.of(Files.readString(file));
            }
        } catch (IOException failed) {
            throw new FormatException(file, "cannot be read as UTF-8: " + failed.getMessage(), failed);
        }
        Object template = JsonFile.objectIn(folder.resolve("tokenizer_config.json")).get("chat_template");
        if (template instanceof List<?> several) {
            template = several.stream().filter(each -> each instanceof Map<?, ?> map && "default".equals(map.get("name")))
                    .map(each -> ((Map<?, ?>) each).get("template")).findFirst().orElse(null);
        }
        return template instanceof String text ? Optional.of(text) : Optional.empty();
    }
}
