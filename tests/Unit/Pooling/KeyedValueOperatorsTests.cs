using PgCluster.Engine.Pooling;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class KeyedValueOperatorsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PG_25_same_key_and_value_passes_once_whatever_its_revision() => Assert.Equal(
        [new KeyedValue("/a", "x", 0)],
        await Stream(new("/a", "x", 0), new("/a", "x", 1)).WithoutRepeats(Token).ToListAsync(Token));

    [Fact]
    public async Task PG_25_same_value_under_different_keys_passes_for_each() => Assert.Equal(
        [new KeyedValue("/a", "x", 0), new KeyedValue("/b", "x", 1)],
        await Stream(new("/a", "x", 0), new("/b", "x", 1)).WithoutRepeats(Token).ToListAsync(Token));

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public async Task PG_25_first_value_passes_also_when_it_is_empty_or_absent(string? first) => Assert.Equal(
        [new KeyedValue("/a", first, 0), new KeyedValue("/a", "x", 2), new KeyedValue("/a", first, 3)],
        await Stream(new("/a", first, 0), new("/a", first, 1), new("/a", "x", 2), new("/a", first, 3)).WithoutRepeats(Token).ToListAsync(Token));

    [Fact]
    public async Task PG_26_older_revision_of_a_key_is_dropped() => Assert.Equal(
        [new KeyedValue("/a", "x", 2), new KeyedValue("/a", "z", 3)],
        await Stream(new("/a", "x", 2), new("/a", "y", 1), new("/a", "y", 2), new("/a", "z", 3)).WithRisingRevisions(Token).ToListAsync(Token));

    [Fact]
    public async Task PG_26_revisions_of_different_keys_are_not_compared() => Assert.Equal(
        [new KeyedValue("/a", "x", 2), new KeyedValue("/b", "y", 1)],
        await Stream(new("/a", "x", 2), new("/b", "y", 1)).WithRisingRevisions(Token).ToListAsync(Token));

    private static IAsyncEnumerable<KeyedValue> Stream(params KeyedValue[] values) => values.ToAsyncEnumerable();
}
