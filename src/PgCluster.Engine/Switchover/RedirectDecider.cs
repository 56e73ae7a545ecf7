namespace PgCluster.Engine.Switchover;

/// <summary>
/// The rule for a redirect that its client left behind. The pointer in the source database decides, because it flips in the same transaction as the last
/// change that was brought over.
/// </summary>
public static class RedirectDecider
{
    /// <summary>What to do about <paramref name="redirect"/>.</summary>
    /// <param name="redirect">The redirect as it stands.</param>
    /// <param name="pointer">What the source database says; null when it knows of no switchover.</param>
    /// <param name="unattended">How long nobody has held the cluster's lock.</param>
    /// <param name="patience">How long that has to be before a redirect is withdrawn.</param>
    public static RedirectAction Decide(Redirect redirect, SourcePointer? pointer, TimeSpan unattended, TimeSpan patience)
    {
        if (redirect.State != RedirectState.Pending)
        {
            return RedirectAction.None;
        }

        var state = pointer?.RunId == redirect.RunId ? pointer.State : null;
        return state switch
        {
            SourcePointer.UseNextDatabase => RedirectAction.Activate,

            // Still able to flip: withdrawn now, its clients would be left with a database that refuses them.
            SourcePointer.InProgress => RedirectAction.None,
            _ => unattended >= patience ? RedirectAction.Withdraw : RedirectAction.None,
        };
    }
}
