using System.Net.Sockets;
using PgCluster.Handoff.Linux;
using PgCluster.Handoff.Protocol;

namespace PgCluster.Handoff;

/// <summary>The successor's side of a handoff: a connection to the owner, from the first question to its last word.</summary>
internal sealed class Takeover : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(100);

    private readonly HandoffOptions _options;
    private readonly HandoffChannel _channel;
    private readonly IReadOnlyList<DescriptorInfo> _offered;

    // Its life is the connection's: the read that waits for the owner's next word outlives the call that began it.
    private readonly CancellationTokenSource _closed = new();

    private Takeover(HandoffOptions options, HandoffChannel channel, HandoffPeer owner, IReadOnlyList<DescriptorInfo> offered)
    {
        _options = options;
        _channel = channel;
        Owner = owner;
        _offered = offered;
    }

    /// <summary>Whose descriptors these are.</summary>
    public HandoffPeer Owner { get; }

    /// <summary>What the owner says next after the descriptors; null when it has gone away. It speaks unasked only to say that it is over.</summary>
    public Task<HandoffMessage?> NextWord { get; private set; } = Task.FromResult<HandoffMessage?>(null);

    /// <summary>Finds the owner and is welcomed by it; null when nobody owns. Only under the lock of the directory.</summary>
    /// <exception cref="HandoffException">NotTrusted, Protocol, Refused, StateRefused, OwnerLost, DirectoryUnusable.</exception>
    public static async Task<Takeover?> BeginAsync(CoordinationDirectory directory, HandoffOptions options, CancellationToken cancellationToken)
    {
        while (true)
        {
            // This process's own id there: from a run of it that has crashed. Nobody else can have it, its socket is ours.
            if (directory.ReadOwner() is not { } owner || owner == options.Id)
            {
                return null;
            }

            if (await directory.ConnectAsync(owner, cancellationToken).ConfigureAwait(false) is not { } socket)
            {
                HandoffLog.StaleOwner(options.Logger, owner);
                return null;
            }

            var channel = new HandoffChannel(socket, options.TimeProvider);
            try
            {
                if (await AskAsync(channel, owner, options, cancellationToken).ConfigureAwait(false) is { } takeover)
                {
                    return takeover;
                }
            }
            catch
            {
                channel.Dispose();
                throw;
            }

            channel.Dispose();

            // It has not noticed yet that the last successor is dead, or is about to stop.
            await Task.Delay(RetryInterval, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the owner's state and descriptors.</summary>
    /// <exception cref="HandoffException">Protocol, StateRefused, OwnerLost, System.</exception>
    public async Task<IReadOnlyList<StoredDescriptor>> ReceiveAsync(CancellationToken cancellationToken)
    {
        await AdoptStateAsync(StateMoment.Preview, cancellationToken).ConfigureAwait(false);
        HandoffLog.StateAccepted(_options.Logger, Owner.Id);
        List<StoredDescriptor> received = [];
        try
        {
            foreach (var expected in _offered)
            {
                var next = await _channel.ReceiveDescriptorAsync(cancellationToken).ConfigureAwait(false) ?? throw Lost();
                received.Add(new StoredDescriptor(expected, next.Handle, IsInherited: true));
                if (next.Message.Id != expected.Id)
                {
                    throw new HandoffException(HandoffError.Protocol, $"'{Owner.Id}' passed '{next.Message.Id}' where '{expected.Id}' was due.");
                }
            }
        }
        catch
        {
            received.ForEach(descriptor => descriptor.Copy.Dispose());
            throw;
        }

        NextWord = _channel.ReceiveAsync(_closed.Token);
        HandoffLog.DescriptorsReceived(_options.Logger, received.Count, Owner.Id);
        return received;
    }

    /// <summary>Says that this process is ready. When it returns the owner is none any more; when it throws this process must not be the owner.</summary>
    /// <exception cref="HandoffException">OwnerLost, StateRefused, Protocol.</exception>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        await SayAsync(_channel, new HandoffMessage.Ready(), cancellationToken).ConfigureAwait(false);
        HandoffLog.ReadySent(_options.Logger, Owner.Id);
        await AdoptStateAsync(StateMoment.Final, cancellationToken).ConfigureAwait(false);
        HandoffLog.FinalStateAccepted(_options.Logger, Owner.Id);
        if (await HearAsync(cancellationToken).ConfigureAwait(false) is var word and not HandoffMessage.SteppingDown)
        {
            throw HandoffChannel.Unexpected(word);
        }

        HandoffLog.OwnerSteppedDown(_options.Logger, Owner.Id);
    }

    /// <summary>Why the owner broke off, by the word it said unasked.</summary>
    public HandoffException BrokenOff(HandoffMessage? word) => word is null ? Lost() : HandoffChannel.Unexpected(word);

    public void Dispose()
    {
        _closed.Cancel();
        _channel.Dispose();
        _closed.Dispose();
    }

    private static async Task<Takeover?> AskAsync(HandoffChannel channel, string owner, HandoffOptions options, CancellationToken cancellationToken)
    {
        if (!channel.Peer.IsTrustedBy(Native.EffectiveUserId()))
        {
            throw new HandoffException(
                HandoffError.NotTrusted, $"The owner '{owner}' runs as user {channel.Peer.UserId}, which is neither this process's nor root: its descriptors are not taken.");
        }

        var speaks = options.Protocol;
        await SayAsync(
            channel, new HandoffMessage.Hello(options.Id, speaks.Lowest, speaks.Highest, VersionToSay(options, speaks.Highest)), cancellationToken).ConfigureAwait(false);
        HandoffLog.HelloSent(options.Logger, owner);
        switch (await channel.ReceiveAsync(cancellationToken).ConfigureAwait(false))
        {
            case HandoffMessage.Welcome welcome when welcome.Version >= speaks.Lowest && welcome.Version <= speaks.Highest:
                if (welcome.Descriptors.DistinctBy(descriptor => descriptor.Id, StringComparer.Ordinal).Count() != welcome.Descriptors.Count)
                {
                    throw new HandoffException(HandoffError.Protocol, $"'{owner}' offers two descriptors under the same id.");
                }

                HandoffLog.Welcomed(options.Logger, owner, welcome.Descriptors.Count, welcome.Version);
                var peer = new HandoffPeer(welcome.Id, channel.Peer.ProcessId, welcome.ApplicationVersion, welcome.Version);
                return new Takeover(options, channel, peer, welcome.Descriptors);
            case HandoffMessage.Refused { Code: RefusalCode.NotNow } busy:
                HandoffLog.OwnerBusy(options.Logger, owner, busy.Reason);
                return null;
            case null:
                throw new HandoffException(HandoffError.OwnerLost, $"The owner '{owner}' went away before it had answered.");
            case var other:
                throw HandoffChannel.Unexpected(other);
        }
    }

    /// <summary>What a process says of its application to one that may know nothing of it.</summary>
    internal static string? VersionToSay(HandoffOptions options, uint protocol) => protocol >= ProtocolVersions.WithState ? options.ApplicationVersion : null;

    /// <summary>Says something. An owner that is gone may have said why before: that is worth more than the error of this, and is read next.</summary>
    private static async Task SayAsync(HandoffChannel channel, HandoffMessage message, CancellationToken cancellationToken)
    {
        try
        {
            await channel.SendAsync(message, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // The next read finds its last word, or the end.
        }
    }

    private async Task AdoptStateAsync(StateMoment moment, CancellationToken cancellationToken)
    {
        StateSnapshot? snapshot = null;
        var carriesState = Owner.ProtocolVersion >= ProtocolVersions.WithState;
        if (carriesState)
        {
            var word = moment == StateMoment.Preview
                ? await _channel.ReceiveAsync(cancellationToken).ConfigureAwait(false) ?? throw Lost()
                : await HearAsync(cancellationToken).ConfigureAwait(false);
            if (word is not HandoffMessage.State state)
            {
                throw HandoffChannel.Unexpected(word);
            }

            snapshot = state is { Version: { } version, Content: { } content } ? new StateSnapshot(version, content) : null;
        }

        try
        {
            await JudgeAsync(snapshot, moment, cancellationToken).ConfigureAwait(false);
        }
        catch (HandoffException e)
        {
            await SayAsync(_channel, new HandoffMessage.Refused(RefusalCode.State, e.Message), cancellationToken).ConfigureAwait(false);
            throw;
        }

        if (carriesState)
        {
            await SayAsync(_channel, new HandoffMessage.Accepted(), cancellationToken).ConfigureAwait(false);
            if (moment == StateMoment.Final)
            {
                NextWord = _channel.ReceiveAsync(_closed.Token);
            }
        }
    }

    private async Task JudgeAsync(StateSnapshot? snapshot, StateMoment moment, CancellationToken cancellationToken)
    {
        if (_options.State is not { } application)
        {
            if (snapshot is not null)
            {
                throw new HandoffException(HandoffError.StateRefused, $"'{Owner.Id}' hands over a state of version {snapshot.Version}, and '{_options.Id}' reads none.");
            }

            return;
        }

        try
        {
            await application.AdoptAsync(snapshot, moment, Owner, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            // Whatever it throws: it cannot go on from this state, and the owner is to hear why.
            throw new HandoffException(HandoffError.StateRefused, $"'{_options.Id}' cannot go on from the state of '{Owner.Id}': {e.Message}", e);
        }
    }

    private async Task<HandoffMessage> HearAsync(CancellationToken cancellationToken) =>
        await NextWord.WaitAsync(cancellationToken).ConfigureAwait(false) ?? throw Lost();

    private HandoffException Lost() => new(HandoffError.OwnerLost, $"The owner '{Owner.Id}' went away, or gave up waiting, before it had stepped down.");
}
