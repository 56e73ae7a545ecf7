namespace PgCluster;

/// <summary>What a PgBouncer's own configuration says (SHOW CONFIG), as far as its clients depend on it while it is paused or its server is gone. Null is unknown.</summary>
public sealed record PoolerSettings
{
    /// <summary>query_wait_timeout, in seconds: how long a client may wait for a server, a pause included, before it is disconnected; 0 for as long as it takes.</summary>
    public double? QueryWaitTimeoutSeconds { get; init; }

    /// <summary>query_timeout, in seconds: how long a query may take, its wait in a pause included; 0 for as long as it takes.</summary>
    public double? QueryTimeoutSeconds { get; init; }

    /// <summary>server_login_retry, in seconds: how long nobody tries again after a server could not be reached.</summary>
    public double? ServerLoginRetrySeconds { get; init; }

    /// <summary>tcp_user_timeout, in milliseconds: how long what was sent to a server may stay without an answer of its host; 0 for as long as the system waits.</summary>
    public double? TcpUserTimeoutMilliseconds { get; init; }
}
