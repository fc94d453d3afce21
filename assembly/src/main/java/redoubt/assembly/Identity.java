package redoubt.assembly;

import java.util.List;
import java.util.Optional;

/**
 * How it is known which disk is which. In an IMSM container all members carry the same bytes of metadata, and only the serial tells them
 * apart; an image file may have lost its own.
 */
public sealed interface Identity {

    /**
     * Every disk is known by its serial, or is the only one that is left for its place.
     *
     * @param remark what the content shows in another order, where that is not enough to doubt
     */
    record Certain(String because, Optional<String> remark) implements Identity {}

    /**
     * The content tells, and speaks for no other order. Good enough to read; who wants to write names the disks.
     *
     * @param because which evidence, with the margin by which the best arrangement beats the next
     * @param candidates the arrangement, on one line
     */
    record Evident(String because, List<String> candidates) implements Identity {
        /** Takes an unchangeable copy. */
        public Evident {
            candidates = List.copyOf(candidates);
        }
    }

    /**
     * Somebody says it, and the content clearly says otherwise.
     *
     * @param because what the content shows, with the margin by which another arrangement beats the one that was given
     * @param candidates the arrangement for which the content speaks, on one line; empty where it speaks against the given one only
     */
    record Doubtful(String because, List<String> candidates) implements Identity {
        /** Takes an unchangeable copy. */
        public Doubtful {
            candidates = List.copyOf(candidates);
        }
    }

    /**
     * It is not known, and for reading it does not matter: every arrangement that the metadata and the content allow gives the same volume. For
     * writing it does, since a failure would be recorded against a serial.
     *
     * @param because why it does not matter
     * @param candidates the arrangements, a line each
     */
    record Indifferent(String because, List<String> candidates) implements Identity {
        /** Takes an unchangeable copy. */
        public Indifferent {
            candidates = List.copyOf(candidates);
        }
    }

    /**
     * It is not known, and it matters.
     *
     * @param because what was tried
     * @param candidates the arrangements, a line each
     */
    record Ambiguous(String because, List<String> candidates) implements Identity {
        /** Takes an unchangeable copy. */
        public Ambiguous {
            candidates = List.copyOf(candidates);
        }
    }
}
