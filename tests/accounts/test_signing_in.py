from tests.factories import make_user, sign_in


def test_a_user_signs_in_with_email_and_password(client, db):
    user = make_user()
    sign_in(client, user)
