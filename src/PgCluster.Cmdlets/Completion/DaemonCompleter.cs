namespace PgCluster.Cmdlets;

/// <summary>Names that daemons of the connected cluster would have: of its nodes' agents and its poolers' proxies.</summary>
public sealed class DaemonCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session) =>
        session is null ? [] : [.. session.Nodes.Select(n => $"supervise-{n}"), .. session.KnownPoolers.Select(p => $"proxy-{p}")];
}
