namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What must hold in every state.</summary>
internal static class Invariants
{
    public const string OneWriter = "(one writer)";

    public const string NothingIsLost = "(nothing is lost)";

    public const string KeyFirst = "(the key comes first)";

    public const string SomebodyLeads = "(somebody leads)";

    /// <summary>At most one server accepts writes. One whose deadline passed unseen by a guard that was frozen or dead is not counted: the seal of the votes is for that.</summary>
    public static void OneNodeWrites(ProtocolState s)
    {
        var writable = s.Nodes.Where(n => n is { IsWritable: true, Late: false }).Select(n => n.Name).ToArray();
        if (writable.Length > 1)
        {
            throw new ProtocolViolation($"{OneWriter} {string.Join(" and ", writable)} accept writes");
        }
    }

    /// <summary>Whoever begins to serve has every commit that was acknowledged.</summary>
    public static void MayServe(ProtocolState s, ProtocolNode n)
    {
        if (!s.CommittedTerms.Contains(n.Term))
        {
            throw new ProtocolViolation($"{KeyFirst} {n.Name} became writable in a term whose key was never in the store");
        }

        HasAll(n, s.Acknowledged, "leads later");
    }

    /// <summary>Whoever has begun to serve since the acknowledging server did has the commit too.</summary>
    public static void LaterOnesHaveIt(ProtocolState s, ProtocolNode acknowledging)
    {
        foreach (var later in s.Nodes.Where(n => n.Serving > acknowledging.Serving))
        {
            HasAll(later, s.Acknowledged, "leads later");
        }
    }

    public static void HasAll(ProtocolNode n, string commits, string what)
    {
        foreach (var commit in commits.Where(c => !n.Log.Contains(c, StringComparison.Ordinal)))
        {
            throw new ProtocolViolation($"{NothingIsLost} {n.Name} {what} and lacks commit {commit}, which was acknowledged");
        }
    }
}
