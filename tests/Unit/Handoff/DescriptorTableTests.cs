using System.Runtime.InteropServices;
using PgCluster.Handoff;

namespace PgCluster.Tests.Unit.Handoff;

/// <summary>What can be registered, found and removed when. The descriptors are none: the table never looks at them.</summary>
public sealed class DescriptorTableTests : IDisposable
{
    readonly DescriptorTable _table = new();

    public void Dispose() => _table.Dispose();

    [Fact]
    public void TR_11_what_the_application_has_closed_is_still_in_the_store()
    {
        var made = Enumerable.Range(0, 600).Select(i => Add($"listener-{i:000}")).ToArray();

        made.Take(10).ToList().ForEach(own => own.Dispose());

        Assert.Equal(600, _table.Entries.Count);
        Assert.DoesNotContain(_table.Entries, entry => entry.Copy.IsClosed);
    }

    [Theory]
    [InlineData("InProgress", HandoffError.UpgradeInProgress)]
    [InlineData("Completed", HandoffError.UpgradeCompleted)]
    [InlineData("Stopped", HandoffError.Stopped)]
    public void TR_14_a_locked_store_finds_what_it_has_and_takes_nothing_new(string name, HandoffError expected)
    {
        using var old = Add("old");
        _table.SetLock(() => Enum.Parse<StoreLock>(name));

        Assert.NotNull(Add("old"));
        Assert.NotNull(_table.Get("old", DescriptorKind.Listener, Own));
        Assert.Null(_table.Get("new", DescriptorKind.Listener, Own));
        var error = Assert.Throws<HandoffException>(() => Add("new"));
        Assert.Equal(expected, error.Error);
        Assert.Equal(name == "InProgress", error.IsTransient);
        Assert.Contains("'new'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Open", true)]
    [InlineData("InProgress", false)]
    [InlineData("Completed", true)]
    [InlineData("Stopped", true)]
    public void Only_a_transfer_keeps_things_from_being_removed(string name, bool removed)
    {
        using var own = Add("one");
        var copy = _table.Entries.Single().Copy;
        _table.SetLock(() => Enum.Parse<StoreLock>(name));

        var error = Record.Exception(() => _table.Remove("one"));

        Assert.Equal(removed ? null : HandoffError.UpgradeInProgress, (error as HandoffException)?.Error);
        Assert.Equal(removed, copy.IsClosed);
        Assert.False(own.IsClosed);
    }

    [Fact]
    public void Removing_what_is_not_there_names_it() =>
        Assert.Contains("'gone'", Assert.Throws<HandoffException>(() => _table.Remove("gone")).Message, StringComparison.Ordinal);

    [Fact]
    public void An_id_is_of_one_kind()
    {
        using var own = Add("one");

        Assert.Equal(HandoffError.WrongKind, Assert.Throws<HandoffException>(() => _table.Get("one", DescriptorKind.File, Own)).Error);
    }

    [Fact]
    public void What_was_inherited_and_not_asked_for_is_removed()
    {
        string[] ids = ["looked-up", "made", "unused"];
        _table.Inherit(ids.Select(id => new StoredDescriptor(new DescriptorInfo(id, DescriptorKind.Listener, ""), new FakeHandle(), IsInherited: true)));
        var unused = _table.Entries.Single(entry => entry.Info.Id == "unused").Copy;
        using var lookedUp = _table.Get("looked-up", DescriptorKind.Listener, Own);
        using var made = Add("made");
        using var own = Add("own");

        Assert.Equal(["unused"], _table.RemoveUnused().Select(info => info.Id));
        Assert.True(unused.IsClosed);
        Assert.Equal(["looked-up", "made", "own"], _table.Entries.Select(entry => entry.Info.Id));
    }

    [Fact]
    public void A_maker_that_fails_leaves_nothing()
    {
        Assert.Throws<IOException>(() => _table.GetOrAdd<SafeHandle>("one", DescriptorKind.Listener, Own, () => throw new IOException()));

        Assert.Empty(_table.Entries);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public void An_id_is_not_empty(string? id) => Assert.ThrowsAny<ArgumentException>(() => Add(id!));

    [Fact]
    public void An_id_is_not_endless() => Assert.Throws<ArgumentException>(() => Add(new string('a', DescriptorTable.LongestId + 1)));

    SafeHandle Add(string id) => _table.GetOrAdd(id, DescriptorKind.Listener, Own, () => ("", new FakeHandle(), (SafeHandle)new FakeHandle()));

    static SafeHandle Own(SafeHandle copy) => new FakeHandle();

    sealed class FakeHandle : SafeHandle
    {
        public FakeHandle()
            : base(0, ownsHandle: true)
        {
        }

        public override bool IsInvalid => false;

        protected override bool ReleaseHandle() => true;
    }
}
