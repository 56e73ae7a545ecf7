namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What a test says about a <see cref="SearchResult"/>.</summary>
internal static class SearchVerdict
{
    public static void Sound(this ITestOutputHelper output, SearchResult result)
    {
        output.WriteLine(result.ToString());
        Assert.True(result.Violation is null, result.ToString());
    }

    public static void Caught(this ITestOutputHelper output, string invariant, SearchResult result)
    {
        output.WriteLine(result.ToString());
        Assert.StartsWith(invariant, result.Violation, StringComparison.Ordinal);
    }
}
