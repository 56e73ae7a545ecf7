namespace PgCluster.Adapters.Pacemaker;

/// <summary>The part of what <c>crm_simulate</c> prints that says what would be done.</summary>
internal static class TransitionSummary
{
    private const string Heading = "Transition Summary:";

    /// <summary>A line for each action, without bullet and padding; none when nothing would be done.</summary>
    public static IReadOnlyList<string> Read(string output) =>
    [
        .. output.ReplaceLineEndings("\n").Split('\n')
            .SkipWhile(line => !line.TrimStart().StartsWith(Heading, StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => line.StartsWith(' '))
            .Select(line => string.Join(' ', line.TrimStart(' ', '*').Split(' ', StringSplitOptions.RemoveEmptyEntries))),
    ];
}
