namespace PgCluster.Engine.Measurement;

/// <summary>Two nodes that took writes at the same time.</summary>
/// <param name="First">A node.</param>
/// <param name="FirstTimeline">The timeline it wrote on.</param>
/// <param name="Second">The other node.</param>
/// <param name="SecondTimeline">The timeline that one wrote on.</param>
/// <param name="From">From when on that is certain, as a timestamp of the observer's clock.</param>
/// <param name="Until">Until when it is certain; before <paramref name="From"/> when a single write of one fell between two of the other.</param>
public sealed record WriterOverlap(string First, int FirstTimeline, string Second, int SecondTimeline, long From, long Until);
