package redoubt.metadata.imsm;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import redoubt.metadata.Bytes;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MdUuid;

/** UUIDs of containers and volumes: the first 16 bytes of a SHA-1 over what identifies them (docs/FORMATS.md, "UUIDs"). */
final class ImsmNames {

    private static final int UUID_BYTES = 16;

    private ImsmNames() {}

    /** Signature text and family. */
    static MdUuid container(ImsmSuper mpb) {
        return digest(containerKey(mpb));
    }

    /** The same, then the index of the volume and its name. */
    static MdUuid volume(ImsmSuper mpb, int index) {
        byte[] key = containerKey(mpb);
        byte[] longer = Arrays.copyOf(key, key.length + 4 + ImsmDev.NAME_BYTES);
        LittleEndian.putWord(longer, key.length, index);
        mpb.devs().get(index).name().copyTo(longer, key.length + 4);
        return digest(longer);
    }

    private static byte[] containerKey(ImsmSuper mpb) {
        byte[] key = Arrays.copyOf(
                mpb.header()
                        .signature()
                        .slice(0, ImsmHeader.SIGNATURE_TEXT_BYTES)
                        .toArray(),
                ImsmHeader.SIGNATURE_TEXT_BYTES + 4);
        LittleEndian.putWord(key, ImsmHeader.SIGNATURE_TEXT_BYTES, mpb.identity());
        return key;
    }

    private static MdUuid digest(byte[] key) {
        try {
            return new MdUuid(
                    Bytes.of(MessageDigest.getInstance("SHA-1").digest(key), 0, UUID_BYTES), MdUuid.Groups.WORDS);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java platform has SHA-1", impossible);
        }
    }
}
