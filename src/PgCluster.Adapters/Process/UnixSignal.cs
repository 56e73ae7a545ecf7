namespace PgCluster.Adapters.Process;

/// <summary>The signals this product sends, with Linux's numbers.</summary>
public enum UnixSignal
{
    /// <summary>Sends nothing: only asks whether it could.</summary>
    None = 0,

    /// <summary>SIGHUP: read the configuration again.</summary>
    Hangup = 1,

    /// <summary>SIGINT: PostgreSQL's fast shutdown.</summary>
    Interrupt = 2,

    /// <summary>SIGQUIT: PostgreSQL's immediate shutdown.</summary>
    Quit = 3,

    /// <summary>SIGKILL.</summary>
    Kill = 9,

    /// <summary>SIGUSR1: PostgreSQL looks for a promote file.</summary>
    User1 = 10,

    /// <summary>SIGTERM: end in an orderly way.</summary>
    Terminate = 15,

    /// <summary>SIGCONT: go on after SIGSTOP.</summary>
    Continue = 18,

    /// <summary>SIGSTOP: freeze.</summary>
    Stop = 19,
}
