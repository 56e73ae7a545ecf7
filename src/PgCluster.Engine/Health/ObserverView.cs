namespace PgCluster.Engine.Health;

/// <summary>A report as a reader has it.</summary>
/// <param name="Report">What the observer wrote.</param>
/// <param name="SinceSeen">How long the reader has had it, by its own monotonic clock: added to every age in it.</param>
public sealed record ObserverView(HealthReport Report, TimeSpan SinceSeen)
{
    /// <summary>The observer's name.</summary>
    public string Observer => Report.Observer;

    /// <summary>How long ago it last looked at any node; null when it never did.</summary>
    public TimeSpan? AttemptAge => Report.Votes.Count == 0 ? null : Report.Votes.Min(AttemptAgeOf);

    /// <summary>How long ago it looked at that node.</summary>
    public TimeSpan AttemptAgeOf(HealthVote vote) => TimeSpan.FromMilliseconds(vote.AttemptAgeMs) + SinceSeen;

    /// <summary>How long ago it saw that node well; null when it never did.</summary>
    public TimeSpan? SuccessAgeOf(HealthVote vote) => vote.SuccessAgeMs is { } age ? TimeSpan.FromMilliseconds(age) + SinceSeen : null;
}
