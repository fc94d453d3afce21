package redoubt.interop;

/** Software of others that a check needs is not on this machine; the message says what to install. */
public final class PeerMissing extends RuntimeException {
    public PeerMissing(String message) {
        super(message);
    }
}
