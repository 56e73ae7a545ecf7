namespace PgCluster;

/// <summary>Whether every acknowledged commit outlives a loss, with the proof or the counter-example.</summary>
public sealed record DurabilityVerdict
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>What is lost at once.</summary>
    public DurabilityScope Scope { get; init; }

    /// <summary>The node or failure domain that is lost.</summary>
    public required string Lost { get; init; }

    /// <summary>The nodes that are lost with it.</summary>
    public IReadOnlyList<string> LostNodes { get; init => field = Indexable.Of(value); } = [];

    /// <summary>True when a primary is left or elected, and it has every acknowledged commit.</summary>
    public bool Survives { get; init; }

    /// <summary>Who is the primary afterwards; null when nobody, or when that depends on where the last commits were.</summary>
    public string? Primary { get; init; }

    /// <summary>How many standbys a commit may wait for (N).</summary>
    public int N { get; init; }

    /// <summary>How many of them it waits for (W).</summary>
    public int W { get; init; }

    /// <summary>How many of them have to vote in an election (R): R + W > N.</summary>
    public int R { get; init; }

    /// <summary>Which of them are left to vote.</summary>
    public IReadOnlyList<string> Votes { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Whether commits go on afterwards with the standbys that are left, without a change of the list.</summary>
    public bool CommitsGoOn { get; init; }

    /// <summary>The proof, or the counter-example.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>What to do about it; empty when nothing.</summary>
    public string Advice { get; init; } = "";
}
