package dev.latchkey.boot;

import java.io.Serial;

/** A reason not to start, said so that the operator knows what to do; the cause, if any, is in the sentence already. */
class StartupException extends RuntimeException {

    @Serial
    private static final long serialVersionUID = 1;

    StartupException(String sentence) {
        super(sentence);
    }
}
