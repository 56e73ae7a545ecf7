using PgCluster.Engine.Measurement;

namespace PgCluster.Tests.Unit.Measurement;

public sealed class WriterReignsTests
{
    [Theory]
    [InlineData("a1@0-10 a1@20-30 b2@40-50 b2@60-70", 0)]
    [InlineData("a1@0-10 b2@5-15", 0)]
    [InlineData("a1@0-50 b2@10-20", 0)]
    [InlineData("a1@0-10 b2@20-30 a1@40-50", 1)]
    [InlineData("a1@0-10 b2@8-30 a1@29-50", 0)]
    [InlineData("a1@0-10 b2@20-30 a3@40-50", 0)]
    [InlineData("a1@0-10 a1@30-40 b1@20-25 b1@50-60", 1)]
    [InlineData("a1@0-10 b2@20-30 c3@40-50 a1@60-70", 2)]
    [InlineData("a1@0-10 a2@0-10 a1@20-30 a2@20-30", 0)]
    public void Two_were_writers_at_once_only_when_no_order_of_their_writes_says_otherwise(string writes, int overlaps)
    {
        var reigns = new WriterReigns();
        foreach (var write in writes.Split(' '))
        {
            var times = write[3..].Split('-').Select(long.Parse).ToArray();
            reigns.Note(write[..1], write[1] - '0', times[0], times[1]);
        }

        Assert.Equal(overlaps, reigns.FindOverlaps().Count);
    }

    [Fact]
    public void An_overlap_says_who_and_when()
    {
        var reigns = new WriterReigns();
        reigns.Note("b", 2, 20, 30);
        reigns.Note("a", 1, 0, 10);
        reigns.Note("b", 2, 60, 70);
        reigns.Note("a", 1, 40, 50);

        Assert.Equal(new WriterOverlap("a", 1, "b", 2, 30, 40), Assert.Single(reigns.FindOverlaps()));
    }
}
