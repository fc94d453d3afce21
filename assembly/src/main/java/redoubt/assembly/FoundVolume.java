package redoubt.assembly;

import java.util.List;
import java.util.Optional;
import redoubt.metadata.VolumePicture;

/**
 * A volume of a container that was found.
 *
 * @param picture the volume, with the disks that stand for its slots
 * @param identity how it is known which disk is which
 * @param toRead why it cannot be read; empty when it can
 * @param toWrite why it cannot be written without insisting; empty when it can
 */
public record FoundVolume(
        VolumePicture picture, Identity identity, Optional<Refusal> toRead, Optional<Refusal> toWrite) {

    /**
     * Why not.
     *
     * @param reason for the exit code
     * @param sentence what, why and what to do
     * @param candidates what can be chosen from, a line each
     * @param overcome what the user may insist on to have it all the same; empty when nothing helps
     */
    public record Refusal(
            AssemblyRefused.Reason reason, String sentence, List<String> candidates, Optional<Insistence> overcome) {
        /** Takes an unchangeable copy. */
        public Refusal {
            candidates = List.copyOf(candidates);
        }

        AssemblyRefused asException() {
            return new AssemblyRefused(reason, sentence, candidates);
        }
    }
}
