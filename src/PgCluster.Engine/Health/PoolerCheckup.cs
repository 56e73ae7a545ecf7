using System.Globalization;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Health;

/// <summary>
/// What in PgBouncer's own configuration makes clients of a failover see errors, or wait longer than they have to. Its defaults are not made for servers that change places.
/// </summary>
internal static class PoolerCheckup
{
    /// <summary>How long a pooler may leave a server alone that it could not reach.</summary>
    private const double LongestLoginRetry = 1;

    public static IEnumerable<PreflightCheck> Run(CheckupFacts facts)
    {
        var poolers = facts.View.Poolers.Select(p => p.Pooler).ToArray();
        foreach (var silent in poolers.Where(p => p.Settings is null))
        {
            yield return new("PoolerSettings", CheckStatus.Warning, $"the settings of pooler {silent.Name} are not known{(silent.Evidence.Length > 0 ? $": {silent.Evidence}" : "")}",
                "start it and its keeper, of this version: a planned failover has to pause it", Reason.PoolerUnreachable);
        }

        PoolerInfo[] known = [.. poolers.Where(p => p.Settings is not null)];
        if (known.Length == 0)
        {
            yield break;
        }

        var failover = facts.Config.Failover;
        PreflightCheck[] checks =
        [
            .. Each(known, "QueryWaitTimeout", "clients wait for as long as a pause may last", p => QueryWait(p.Settings!, failover)),
            .. Each(known, "QueryTimeout", "no query is ended because it waited in a pause", p => Query(p.Settings!, failover)),
            .. Each(known, "PoolMode", "a pause waits for transactions, not for sessions", Mode),
            .. Each(known, "ServerLoginRetry", "a server that was gone is tried again within 1 s", p => LoginRetry(p.Settings!)),
            .. Each(known, "TcpUserTimeout", "a host that is gone without a word is given up when clients wait for its successor", p => TcpUser(p.Settings!, facts.Config.Leader.Ttl)),
        ];
        foreach (var check in checks)
        {
            yield return check;
        }
    }

    private static PreflightCheck[] Each(
        PoolerInfo[] poolers, string name, string passed, Func<PoolerInfo, (CheckStatus Status, string Evidence, string Remedy)?> judge)
    {
        var objections = poolers.Select(p => (p.Name, Objection: judge(p))).Where(p => p.Objection is not null)
            .Select(p => new PreflightCheck(name, p.Objection!.Value.Status, $"pooler {p.Name}: {p.Objection.Value.Evidence}", p.Objection.Value.Remedy)).ToArray();
        return objections.Length > 0 ? objections : [new PreflightCheck(name, CheckStatus.Passed, passed)];
    }

    private static (CheckStatus Status, string Evidence, string Remedy)? QueryWait(PoolerSettings settings, FailoverConfig failover)
    {
        var remedy = Text($"set query_wait_timeout above failover.pause_expiry ({failover.PauseExpiry.TotalSeconds} s), or 0, in its template");
        return settings.QueryWaitTimeoutSeconds switch
        {
            > 0 and var limit when limit <= failover.MigrateTimeout.TotalSeconds => (CheckStatus.Failed,
                Text($"it disconnects clients that have waited {limit} s (query_wait_timeout), and a failover may take {failover.MigrateTimeout.TotalSeconds} s (failover.migrate_timeout)"), remedy),
            > 0 and var limit when limit <= failover.PauseExpiry.TotalSeconds => (CheckStatus.Warning,
                Text($"it disconnects clients that have waited {limit} s (query_wait_timeout), and a pause that nobody ends lasts {failover.PauseExpiry.TotalSeconds} s (failover.pause_expiry)"), remedy),
            _ => null,
        };
    }

    private static (CheckStatus Status, string Evidence, string Remedy)? Query(PoolerSettings settings, FailoverConfig failover) =>
        settings.QueryTimeoutSeconds is > 0 and var limit && limit <= failover.PauseExpiry.TotalSeconds
            ? (CheckStatus.Warning, Text($"it disconnects clients whose query has taken {limit} s (query_timeout), and the wait in a pause counts"),
                Text($"bound queries by statement_timeout in PostgreSQL, or set query_timeout well above failover.pause_expiry ({failover.PauseExpiry.TotalSeconds} s)"))
            : null;

    private static (CheckStatus Status, string Evidence, string Remedy)? Mode(PoolerInfo pooler) => pooler.PoolMode?.Contains("session", StringComparison.Ordinal) == true
        ? (CheckStatus.Warning, $"pool_mode is {pooler.PoolMode}: a pause is reached only when the clients of every session have disconnected", "set pool_mode = transaction, where the application can do with it")
        : null;

    private static (CheckStatus Status, string Evidence, string Remedy)? LoginRetry(PoolerSettings settings) => settings.ServerLoginRetrySeconds switch
    {
        > LongestLoginRetry and var retry => (CheckStatus.Warning, Text($"after a server could not be reached clients wait {retry} s (server_login_retry), though the next one could be"), "set server_login_retry = 0.1 in its template"),
        0 => (CheckStatus.Warning, "it tries a server that is gone without a break (server_login_retry = 0), which takes a whole processor", "set server_login_retry = 0.1 in its template"),
        _ => null,
    };

    private static (CheckStatus Status, string Evidence, string Remedy)? TcpUser(PoolerSettings settings, TimeSpan lease)
    {
        // Clients wait from three fifths of the lease on, and somebody else leads when it is over.
        var (limit, remedy) = (settings.TcpUserTimeoutMilliseconds, Text($"set tcp_user_timeout = {0.75 * lease.TotalMilliseconds:0}, three quarters of leader.ttl, in its template"));
        return limit switch
        {
            0 => (CheckStatus.Warning, "connections to a host that is gone without a word hang for as long as the system lets them (tcp_user_timeout = 0)", remedy),
            _ when limit > lease.TotalMilliseconds => (CheckStatus.Warning,
                Text($"connections to a host that is gone without a word hang for {limit} ms (tcp_user_timeout), and a takeover that comes before has to drop all clients of the database"), remedy),
            _ when limit < lease.TotalMilliseconds * 3 / 5 => (CheckStatus.Warning,
                Text($"it gives a silent host up after {limit} ms (tcp_user_timeout), before anybody lets its clients wait: they come back and are refused"), remedy),
            _ => null,
        };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
