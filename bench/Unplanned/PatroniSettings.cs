using System.Globalization;

namespace PgCluster.Bench.Unplanned;

/// <summary>What is set in Patroni, and in the HAProxy of its clients; seconds where nothing else is said.</summary>
internal sealed record PatroniSettings
{
    /// <summary>Patroni's own, and the HAProxy configuration that comes with it.</summary>
    public static PatroniSettings Defaults { get; } = new();

    /// <summary>
    /// The smallest ones that keep loop_wait + 2 * retry_timeout &lt;= ttl. Patroni asks each member of etcd for at least a second, so with a smaller
    /// retry_timeout it would never ask a second one. Newer versions take no ttl below 20. HAProxy asks as often as is bearable.
    /// </summary>
    public static PatroniSettings Smallest { get; } = new()
    {
        Ttl = 5,
        LoopWait = 1,
        RetryTimeout = 2,
        PrimaryStartTimeout = 0,
        CheckMilliseconds = 200,
        Fall = 2,
        Rise = 1,
        ConnectSeconds = 1,
    };

    public int Ttl { get; init; } = 30;

    public int LoopWait { get; init; } = 10;

    public int RetryTimeout { get; init; } = 10;

    /// <summary>How long a primary that crashed may take to start in place; with 0 another node takes over at once.</summary>
    public int PrimaryStartTimeout { get; init; } = 300;

    /// <summary>How often HAProxy asks each node whether it is the primary.</summary>
    public int CheckMilliseconds { get; init; } = 3000;

    /// <summary>After how many bad answers a node is given up, and its connections closed.</summary>
    public int Fall { get; init; } = 3;

    /// <summary>After how many good answers a node gets connections.</summary>
    public int Rise { get; init; } = 2;

    /// <summary>How long HAProxy tries to reach a node.</summary>
    public int ConnectSeconds { get; init; } = 4;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"ttl {Ttl}, loop_wait {LoopWait}, retry_timeout {RetryTimeout}, primary_start_timeout {PrimaryStartTimeout}, synchronous_mode on; HAProxy inter {CheckMilliseconds}ms fall {Fall} rise {Rise}");
}
