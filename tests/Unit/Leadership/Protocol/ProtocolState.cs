using System.Collections.Immutable;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>One state of a <see cref="ProtocolModel"/>: the store, the nodes, and what clients were told.</summary>
internal sealed class ProtocolState
{
    public int Now { get; set; } = 100;

    public required ProtocolStore Store { get; init; }

    public required ProtocolNode[] Nodes { get; init; }

    /// <summary>Where the primary stood that was stopped for the plan under way; empty when none was.</summary>
    public string StoppedAt { get; set; } = "";

    // What no node knows.
    public int Serial { get; set; } = 1;

    public int Commits { get; set; }

    public int Promotions { get; set; }

    public int Faults { get; set; }

    public int Suspensions { get; set; }

    public int Plans { get; set; }

    public int PeerCuts { get; set; }

    /// <summary>Terms whose key has been in the store.</summary>
    public ImmutableHashSet<int> CommittedTerms { get; set; } = [];

    /// <summary>Commits that a client was told of while they waited for standbys.</summary>
    public string Acknowledged { get; set; } = "";

    /// <summary>Commits that a client was told of while they waited for nobody.</summary>
    public string Told { get; set; } = "";

    /// <summary>True while two servers accept writes, stopped in time or not.</summary>
    public bool HasTwoWriters => Nodes.Count(n => n.IsWritable) > 1;

    public bool AreLinked(int i, int m) => i == m || (PeerCuts & Pair(i, m)) == 0;

    public void CutOrHeal(int i, int m) => PeerCuts ^= Pair(i, m);

    public ProtocolState Clone() => new()
    {
        Now = Now, Store = Store.Clone(), Nodes = [.. Nodes.Select(n => n.Clone())], StoppedAt = StoppedAt, Serial = Serial, Commits = Commits, Promotions = Promotions,
        Faults = Faults, Suspensions = Suspensions, Plans = Plans, PeerCuts = PeerCuts, CommittedTerms = CommittedTerms, Acknowledged = Acknowledged, Told = Told,
    };

    private static int Pair(int i, int m) => 1 << ((Math.Min(i, m) * 4) + Math.Max(i, m));
}
