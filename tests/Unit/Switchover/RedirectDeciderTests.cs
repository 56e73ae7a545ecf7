using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class RedirectDeciderTests
{
    private static readonly Guid Run = Guid.Parse("11111111-2222-3333-4444-555555555555");

    // The pointer is state@run; - is none; the patience is 25 s.
    [Theory]
    // Flipped: at once, whether or not the client still lives.
    [InlineData("use_next_db@own", 0, RedirectAction.Activate)]
    [InlineData("use_next_db@own", 60, RedirectAction.Activate)]
    // It may still flip.
    [InlineData("in_progress@own", 0, RedirectAction.None)]
    [InlineData("in_progress@own", 60, RedirectAction.None)]
    // Aborted, but only when nobody is at work any more.
    [InlineData("idle@own", 0, RedirectAction.None)]
    [InlineData("idle@own", 24, RedirectAction.None)]
    [InlineData("idle@own", 25, RedirectAction.Withdraw)]
    [InlineData("-", 0, RedirectAction.None)]
    [InlineData("-", 25, RedirectAction.Withdraw)]
    // Another run's pointer says nothing good of this one.
    [InlineData("use_next_db@other", 0, RedirectAction.None)]
    [InlineData("use_next_db@other", 25, RedirectAction.Withdraw)]
    [InlineData("in_progress@other", 25, RedirectAction.Withdraw)]
    [InlineData("use_next_db@none", 25, RedirectAction.Withdraw)]
    public void A_pending_redirect_follows_the_pointer(string pointer, int unattended, RedirectAction expected) =>
        Assert.Equal(expected, Decide(RedirectState.Pending, pointer, unattended));

    [Theory]
    [InlineData("idle@own")]
    [InlineData("use_next_db@own")]
    [InlineData("-")]
    public void One_in_force_is_left_alone(string pointer) => Assert.Equal(RedirectAction.None, Decide(RedirectState.Active, pointer, 3600));

    private static RedirectAction Decide(RedirectState state, string pointer, int unattended) => RedirectDecider.Decide(
        new Redirect(Run, state, "db.new", 5432, "orders", "orders"),
        pointer.Split('@') is [var word, var run] ? new SourcePointer(word, run switch { "own" => Run, "other" => Guid.Empty, _ => null }) : null,
        TimeSpan.FromSeconds(unattended), TimeSpan.FromSeconds(25));
}
