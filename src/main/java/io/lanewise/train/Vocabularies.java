package io.lanewise.train;

import io.lanewise.format.Checkpoint;
import io.lanewise.generate.VocabularyReader;
import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Tokenizers;
import io.lanewise.tokenizer.Vocabulary;
import io.lanewise.tokenizer.VocabularyTrainer;
import java.nio.file.Path;
import java.util.List;

/** The tokenizer of a new run: trained on the texts, or that of the model which it goes on from. */
final class Vocabularies {
    private Vocabularies() {
    }

    static Tokenizer tokenizer(TrainingConfig config) {
        if (!config.vocabularyFrom().isEmpty()) {
            try (Checkpoint checkpoint = Checkpoint.open(Path.of(config.vocabularyFrom()))) {
                return VocabularyReader.tokenizer(checkpoint);
            }
        }
        if (!config.from().isEmpty()) {
            try (BaseModel base = BaseModel.open(Path.of(config.from()))) {
                return base.tokenizer().orElseThrow(() -> new IllegalArgumentException(
                        "vocabularyFrom: " + config.from() + " has no vocabulary; name a GGUF file that has it"));
            }
        }
        List<Path> files = config.text().stream().map(Path::of).toList();
        Vocabulary vocabulary = switch (config.vocabulary()) {
            case BPE -> VocabularyTrainer.byteLevelBpe(
                    TextCorpus.trainingTexts(files, config.documents(), config.heldOut()), config.vocabSize());
            // Held-out text is to be spelt too, and its characters say next to nothing about it.
            case CHARS -> VocabularyTrainer.characters(TextCorpus.trainingTexts(files, config.documents(), 0),
                    config.documents() != TextCorpus.Documents.NONE);
        };
        return Tokenizers.of(vocabulary);
    }
}
