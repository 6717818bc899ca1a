package session_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// A user looks at the devices on which they are signed in, and ends one of them. An
// id from a URL may be anybody's: that of somebody else does nothing.
func ExampleManager_Revoke() {
	ctx := context.Background()
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Store: new(memstore.Store)})
	if err != nil {
		fmt.Println(err)
		return
	}
	phone, _ := sessions.Issue(ctx, session.Grant{Subject: "alice", Label: "phone"})
	sessions.Issue(ctx, session.Grant{Subject: "bob", Label: "laptop"})

	list, _ := sessions.Sessions(ctx, "alice")
	fmt.Println(len(list), list[0].Label)
	fmt.Println(sessions.Revoke(ctx, "bob", list[0].ID), sessions.Revoke(ctx, "alice", list[0].ID))
	_, err = sessions.Verify(ctx, phone.AccessToken)
	fmt.Println(session.Reason(err))
	// Output:
	// 1 phone
	// <nil> <nil>
	// revoked
}

// After a change of password all sessions of the user end but the one at hand.
func ExampleManager_RevokeSubject() {
	ctx := context.Background()
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Store: new(memstore.Store)})
	if err != nil {
		fmt.Println(err)
		return
	}
	here, _ := sessions.Issue(ctx, session.Grant{Subject: "alice"})
	there, _ := sessions.Issue(ctx, session.Grant{Subject: "alice"})
	me, _ := sessions.Verify(ctx, here.AccessToken)

	fmt.Println(sessions.RevokeSubject(ctx, me.Subject, me.SessionID))
	for _, tokens := range []session.Tokens{here, there} {
		_, err := sessions.Refresh(ctx, tokens.RefreshToken)
		fmt.Println(session.Reason(err))
	}
	// Output:
	// <nil>
	// ok
	// revoked
}

// A password reset link works once. The form can be shown before it is used up.
func ExamplePurpose_Redeem() {
	ctx := context.Background()
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Store: new(memstore.Store)})
	if err != nil {
		fmt.Println(err)
		return
	}
	resets := sessions.Purpose("password-reset", time.Hour)
	token, _ := resets.Issue(ctx, "alice", nil)
	c, _ := resets.Verify(ctx, token) // the form
	fmt.Println(c.Subject)
	_, err = resets.Redeem(ctx, token) // the new password
	fmt.Println(err)
	_, err = resets.Redeem(ctx, token)
	fmt.Println(errors.Is(err, session.ErrReused))
	// Output:
	// alice
	// <nil>
	// true
}

// A stolen refresh token: the thief uses it, and when the owner comes with the same
// one after the grace, and the thief once more, the session ends.
func ExampleManager_Refresh_stolen() {
	ctx := context.Background()
	sessions, err := session.New(session.Config{
		Keys: exampleKeys("v1"), Store: new(memstore.Store),
		AccessTTL: 4 * time.Second, RefreshGrace: 50 * time.Millisecond, // short, for an example
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sessions.Observe(session.Hooks{Reused: func(_ context.Context, e session.Event) { fmt.Println("warn", e.Subject) }})
	owner, _ := sessions.Issue(ctx, session.Grant{Subject: "alice"})
	stolen := owner.RefreshToken
	for range 2 { // the owner goes on
		time.Sleep(60 * time.Millisecond)
		owner, _ = sessions.Refresh(ctx, owner.RefreshToken)
	}
	time.Sleep(60 * time.Millisecond)
	_, err = sessions.Refresh(ctx, stolen)
	fmt.Println(session.Reason(err))
	_, err = sessions.Refresh(ctx, owner.RefreshToken)
	fmt.Println(session.Reason(err))
	// Output:
	// warn alice
	// reused
	// revoked
}
