namespace PgCluster.Engine.Switchover;

/// <summary>What the log says, for somebody who takes no part.</summary>
public static class SwitchoverReplay
{
    /// <summary>
    /// Folds the log from its newest reset on. A participant's own timers are not in it: what they end stands in the log when somebody said so.
    /// </summary>
    public static async Task<SwitchoverView> ReadAsync(ISwitchoverLog log, CancellationToken cancellationToken)
    {
        var position = await log.GetLastResetAsync(cancellationToken).ConfigureAwait(false) - 1;
        var view = SwitchoverView.Initial;
        while (position >= 0)
        {
            var messages = await log.ReadAsync(position, cancellationToken).ConfigureAwait(false);
            if (messages.Count == 0)
            {
                break;
            }

            view = messages.Aggregate(view, (current, message) => SwitchoverStateMachine.Apply(current, message, Guid.Empty).View);
            position = messages[^1].Position;
        }

        return view;
    }
}
